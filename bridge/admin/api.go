package admin

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/hookspan/hookspan/bridge/aside"
	"github.com/hookspan/hookspan/bridge/asyncapi"
	"github.com/hookspan/hookspan/bridge/backup"
	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/dataschema"
	"github.com/hookspan/hookspan/bridge/delivery"
	"github.com/hookspan/hookspan/bridge/endpoint"
	"github.com/hookspan/hookspan/bridge/journal"
	"github.com/hookspan/hookspan/bridge/logline"
	"github.com/hookspan/hookspan/bridge/problem"
	"github.com/hookspan/hookspan/bridge/provider"
	"github.com/hookspan/hookspan/bridge/receiver"
)

// Options of the API. All are needed but Shards, Schemas, Tester, Previewer, Types, Intakes, Here, Replicas, NewKey, Dead, Quarantine, Measures, Log and LogLevel.
type Options struct {
	Registry   *endpoint.Registry
	Deliveries *journal.Index
	Outbound   Outbound
	Events     Events
	Shards     Shards                 // nil: no other process shares the bus, and this one owns them all
	Tester     Tester                 // nil: endpoints cannot be tested here
	Previewer  Previewer              // nil: nor tried on what is stored
	Types      Types                  // nil: of types of events no more is known than what is declared, and delivered
	Schemas    func() *dataschema.Set // of events' data; nil: there are none
	Refusals   Refusals
	Dead       *aside.Shelf  // dead letters; nil: they cannot be looked at here
	Quarantine *aside.Shelf  // nil: it cannot be looked at here
	Publisher  bus.Publisher // takes what is released from the quarantine
	Sources    func() []receiver.Source
	Proof      func(receiver.Source) provider.Proof // what can at best be known of its requests
	Intakes    func() []Intake                      // the same, as the types of their events are concerned; nil: there are none
	Here       asyncapi.Application                 // what of it does not change: who it is, where it listens and the bus
	Warnings   func(*endpoint.Endpoint) []string    // about an endpoint as it is; nil: none
	Ready      func(context.Context) error          // why intake cannot publish now; nil: it can
	Token      func() string                        // "": no token is set, and the API answers nobody
	Replicas   func() []delivery.Presence           // the others that were heard of lately; nil: there are none
	// NewKey makes a seal key that is the newest from then on; ErrKeysGiven where the process does
	// not keep the keys itself, as nil means too.
	NewKey func(context.Context) error
	// Backup writes a backup of the installation.
	Backup   func(context.Context, backup.Since, io.Writer) error
	Metrics  http.Handler
	Measures prometheus.Registerer // takes the API's own metrics; nil: nobody does
	Log      *slog.Logger          // nil: slog.Default()
	LogLevel *logline.Level        // of Log; nil: it cannot be changed here
}

// Outbound is what the API needs of the dispatcher.
type Outbound interface {
	// Command returns once the command is durable.
	Command(ctx context.Context, c delivery.Command) error
	Replays
	Stats() delivery.Stats
	Lanes
}

// A Tester sends one event of a type to an endpoint now, outside its order and limits, and
// returns what came of it. Nothing is recorded and nothing is tried again.
type Tester interface {
	Test(ctx context.Context, e *endpoint.Endpoint, eventType string) (delivery.Attempt, error)
}

// Refusals is the log of refused requests; bus.Refusals has it.
type Refusals interface {
	Refusals(ctx context.Context, limit int, each func(data []byte) error) error
}

// New returns the handler of the whole admin listener.
func New(o Options) http.Handler {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	a := &api{Options: o, located: &located{}, backups: newBackups(o.Backup, o.Measures), replays: newReplays()}
	mux := http.NewServeMux()
	for pattern, h := range map[string]handler{
		"GET /v1/endpoints":                   a.listEndpoints,
		"POST /v1/endpoints":                  a.createEndpoint,
		"GET /v1/endpoints/{id}":              a.getEndpoint,
		"PATCH /v1/endpoints/{id}":            a.updateEndpoint,
		"PUT /v1/endpoints/{id}":              a.replaceEndpoint,
		"DELETE /v1/endpoints/{id}":           a.deleteEndpoint,
		"POST /v1/endpoints/{id}/enable":      a.enableEndpoint,
		"POST /v1/endpoints/{id}/pause":       a.pauseEndpoint,
		"POST /v1/endpoints/{id}/resume":      a.resumeEndpoint,
		"POST /v1/endpoints/{id}/drain":       a.drainEndpoint,
		"POST /v1/endpoints/{id}/test":        a.testEndpoint,
		"POST /v1/endpoints/{id}/secret":      a.rotateSecret,
		"POST /v1/endpoints/{id}/preview":     a.previewEndpoint,
		"GET /v1/deliveries":                  a.listDeliveries,
		"GET /v1/deliveries/{id}":             a.getDelivery,
		"POST /v1/deliveries/retry":           a.actOnDeliveries(retry()),
		"POST /v1/deliveries/cancel":          a.actOnDeliveries(cancel()),
		"POST /v1/deliveries/{id}/retry":      a.actOnDelivery(retry()),
		"POST /v1/deliveries/{id}/cancel":     a.actOnDelivery(cancel()),
		"GET /v1/dead":                        a.listDead,
		"GET /v1/dead/{id}":                   a.getDead,
		"POST /v1/dead/{id}/replay":           a.replayOneDead,
		"POST /v1/dead/{id}/discard":          a.discardOneDead,
		"POST /v1/dead/replay":                a.replayDead,
		"POST /v1/dead/discard":               a.discardDead,
		"GET /v1/quarantine":                  a.listQuarantine,
		"GET /v1/quarantine/{id}":             a.getQuarantined,
		"POST /v1/quarantine/{id}/release":    a.release,
		"POST /v1/quarantine/{id}/discard":    a.discardQuarantined,
		"GET /v1/replays":                     a.listReplays,
		"POST /v1/replays":                    a.startReplay,
		"GET /v1/replays/{id}":                a.getReplay,
		"POST /v1/replays/{id}/pause":         a.steerReplay(delivery.PauseReplay, delivery.ReplayPaused),
		"POST /v1/replays/{id}/resume":        a.steerReplay(delivery.ResumeReplay, delivery.ReplayRunning),
		"POST /v1/replays/{id}/cancel":        a.steerReplay(delivery.CancelReplay, delivery.ReplayCancelled),
		"GET /v1/sources":                     a.listSources,
		"GET /v1/sources/{name}":              a.getSource,
		"GET /v1/refusals":                    a.listRefusals,
		"GET /v1/event-types":                 a.listTypes,
		"GET /v1/event-types/{type}":          a.getType,
		"GET /v1/event-types/{type}/inferred": a.inferType,
		"GET /v1/event-types/{type}/diff":     a.diffType,
		"GET /v1/asyncapi.json":               a.asyncAPI,
		"GET /v1/stats":                       a.stats,
		"GET /v1/log-level":                   a.getLogLevel,
		"PUT /v1/log-level":                   a.setLogLevel,
		"GET /v1/backup":                      a.download,
		"GET /v1/keys":                        a.listKeys,
		"POST /v1/keys/rotate":                a.rotateKeys,
	} {
		mux.Handle(pattern, a.handle(h))
	}
	a.probes(mux)
	return a.guard(mux, newGate(a.Token, a.Log, a.Measures).enter)
}

type api struct {
	Options
	located *located
	backups *backups
	replays *replays
}

// A handler answers, or returns the error that answer makes a problem of.
type handler func(w http.ResponseWriter, r *http.Request) error

func (a *api) handle(h handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := h(w, r); err != nil {
			a.fail(w, r, err)
		}
	})
}

// guard lets only those under /v1 whom enter lets in, and turns what no route takes into problems.
func (a *api) guard(mux *http.ServeMux, enter handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/v1" || strings.HasPrefix(r.URL.Path, "/v1/") {
			if err := enter(w, r); err != nil {
				a.fail(w, r, err)
				return
			}
		}
		if _, pattern := mux.Handler(r); pattern != "" {
			mux.ServeHTTP(w, r)
			return
		}
		if allowed := methods(mux, r); len(allowed) > 0 {
			w.Header().Set("Allow", strings.Join(allowed, ", "))
			a.fail(w, r, problem.New(problem.Method))
			return
		}
		a.fail(w, r, problem.New(problem.NotFound))
	})
}

// methods lists those that a route takes at the request's path.
func methods(mux *http.ServeMux, r *http.Request) []string {
	all := []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete}
	return slices.DeleteFunc(all, func(method string) bool {
		other := r.Clone(r.Context())
		other.Method = method
		_, pattern := mux.Handler(other)
		return pattern == ""
	})
}

// fail answers with the problem that an error is. What callers are not at fault for is told
// in the log only.
func (a *api) fail(w http.ResponseWriter, r *http.Request, err error) {
	var own problem.Problem
	var invalid *endpoint.InvalidError
	var stale staleError
	p := problem.New(problem.Unavailable)
	switch {
	case errors.As(err, &own):
		p = own
	case errors.As(err, &invalid):
		fields := make([]problem.Field, 0, len(invalid.Fields))
		for _, f := range invalid.Fields {
			fields = append(fields, problem.Field{Path: f.Field, Message: f.Message})
		}
		p = problem.New(problem.Invalid).With("", fields...)
	case errors.Is(err, endpoint.ErrNotFound), errors.Is(err, aside.ErrNoItem):
		p = problem.New(problem.NotFound).With(err.Error())
	case errors.Is(err, endpoint.ErrNameTaken), errors.Is(err, endpoint.ErrRemoved), errors.Is(err, endpoint.ErrNoConsent), errors.Is(err, endpoint.ErrSealed):
		p = problem.New(problem.Conflict).With(err.Error())
	case errors.As(err, &stale):
		w.Header().Set("ETag", stale.now)
		p = problem.New(problem.Precondition).With(err.Error())
	case errors.Is(err, endpoint.ErrManaged):
		p = problem.New(problem.ManagedElsewhere).With(err.Error())
	case errors.Is(err, bus.ErrTooLarge):
		p = problem.New(problem.TooLarge).With("the bus does not take a record or an event of this size")
	case errors.Is(err, endpoint.ErrNoSealKey):
		p = p.With(endpoint.ErrNoSealKey.Error())
	case errors.Is(err, bus.ErrUnavailable), errors.Is(err, bus.ErrDiskFull), errors.Is(err, bus.ErrStoreFull), errors.Is(err, bus.ErrRefused):
		w.Header().Set("Retry-After", "1")
		p = p.With("the bus does not answer now, or does not take the change")
		a.Log.Warn("admin request not carried out", "method", r.Method, "path", r.URL.Path, "error", err)
	default:
		a.Log.Error("admin request failed", "method", r.Method, "path", r.URL.Path, "error", err)
	}
	problem.Write(w, p)
}
