package admin

import (
	"context"
	"log/slog"
	"net/http"

	"github.com/hookspan/hookspan/bridge/problem"
	"github.com/hookspan/hookspan/bridge/receiver"
)

// Probes returns a handler of /healthz, /readyz and /metrics alone: for a process that has no
// API, or none yet. Whatever is asked for under /v1 is answered with absent.
func Probes(ready func(context.Context) error, metrics http.Handler, absent problem.Problem) http.Handler {
	a := &api{Options: Options{Ready: ready, Metrics: metrics, Log: slog.New(slog.DiscardHandler)}} // nothing here can fail
	mux := http.NewServeMux()
	a.probes(mux)
	return a.guard(mux, func(http.ResponseWriter, *http.Request) error { return absent })
}

// probes are open to everybody.
func (a *api) probes(mux *http.ServeMux) {
	mux.Handle("GET /healthz", a.handle(a.healthz))
	mux.Handle("GET /readyz", a.handle(a.readyz))
	mux.Handle("GET /metrics", a.Metrics)
}

// healthz: the process answers.
func (a *api) healthz(w http.ResponseWriter, _ *http.Request) error {
	return write(w, http.StatusOK, map[string]string{"status": "ok"})
}

// A readiness also says which sources take what nobody proved.
type readiness struct {
	Status    string   `json:"status"`
	Observing []string `json:"observing,omitempty"`
}

func (a *api) observing() (names []string) {
	if a.Sources == nil {
		return nil
	}
	for _, s := range a.Sources() {
		if s.Verify == receiver.Observe {
			names = append(names, s.Name)
		}
	}
	return names
}

// readyz: intake can publish.
func (a *api) readyz(w http.ResponseWriter, r *http.Request) error {
	if err := a.Ready(r.Context()); err != nil {
		return problem.New(problem.NotReady).With(err.Error())
	}
	return write(w, http.StatusOK, readiness{"ready", a.observing()})
}
