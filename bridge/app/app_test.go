package app_test

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/hookspan/hookspan/bridge/app"
	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/config"
	"github.com/hookspan/hookspan/bridge/delivery"
	"github.com/hookspan/hookspan/schemas/schematest"
	"github.com/hookspan/hookspan/sinks/jetstream"
	"github.com/hookspan/hookspan/sinks/jetstream/embedded"
	"github.com/hookspan/hookspan/sinks/webhook"
)

const token = "a-token-for-tests"

// A server is an app over an embedded bus that comes when the test says so.
type server struct {
	*app.App
	t      *testing.T
	away   atomic.Pointer[error] // what opening the bus ends with; nil: it succeeds
	sick   atomic.Pointer[error] // what the open bus's health is
	end    context.CancelFunc
	opened []io.Closer // the bus
	done   chan error  // receives what Run returned, once

	conf   atomic.Pointer[config.Config] // what a reload finds
	hangup chan struct{}
	dumb   atomic.Bool // the bus takes no record of the registry
}

// configuration is that of every server here, and more.
func configuration(t *testing.T, environ ...string) *config.Config {
	t.Helper()
	c, err := loaded(t, environ...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func loaded(t *testing.T, environ ...string) (*config.Config, error) {
	return config.Load(append([]string{
		"HOOKSPAN_DATA_DIR=" + t.TempDir(), "HOOKSPAN_LISTEN=127.0.0.1:0", "HOOKSPAN_ADMIN_LISTEN=127.0.0.1:0",
		"HOOKSPAN_ADMIN_TOKEN=" + token, "HOOKSPAN_SOURCES=shop", "HOOKSPAN_SOURCE_SHOP_PROVIDER=cloudevents", "HOOKSPAN_SOURCE_SHOP_SECRETS=" + token,
	}, environ...))
}

// runs is how a start with these settings ends: nil, once it has become ready.
func runs(t *testing.T, environ ...string) error {
	t.Helper()
	s, err := begin(t, nil, environ...)
	if err != nil {
		return err
	}
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for s.Readiness(t.Context()) != nil {
		select {
		case <-tick.C:
		case err := <-s.done:
			return err
		}
	}
	s.end()
	return <-s.done
}

// start runs a server; err is what its bus is like at first.
func start(t *testing.T, err error, environ ...string) *server {
	t.Helper()
	s, err := begin(t, err, environ...)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func begin(t *testing.T, err error, environ ...string) (*server, error) {
	t.Helper()
	c, wrong := loaded(t, environ...)
	if wrong != nil {
		return nil, wrong
	}
	s := &server{t: t, done: make(chan error, 1), hangup: make(chan struct{})}
	s.conf.Store(c)
	s.bus(err)
	log := slog.New(slog.DiscardHandler)
	sender := webhook.New(webhook.Options{Egress: webhook.Egress{Allow: c.EgressAllow, AllowHTTP: c.EgressHTTP}})
	t.Cleanup(sender.Close)
	if s.App, err = app.New(app.Parts{
		Config: c, Sender: sender, Asker: consenting{}, Check: sender.CheckEndpoint, Version: "test", Log: log, Metrics: prometheus.NewRegistry(),
		Reload: func() (*config.Config, error) { return s.conf.Load(), nil }, Hangup: s.hangup,
		Open: func(ctx context.Context) (app.Opened, error) {
			if away := s.away.Load(); away != nil {
				return app.Opened{}, *away
			}
			return s.open(ctx, c, log)
		},
	}); err != nil {
		return nil, err
	}
	ctx, end := context.WithCancel(t.Context())
	s.end = end
	go func() { s.done <- s.Run(ctx) }()
	t.Cleanup(end)
	return s, nil
}

// consenting is every endpoint's answer to a handshake.
type consenting struct{}

func (consenting) Ask(context.Context, delivery.Handshake) (int, error) { return 0, nil }

// closeBus lets another server open the same folder; the one before has ended.
func (s *server) closeBus() {
	for _, c := range s.opened {
		_ = c.Close() // as the process's end does
	}
}

// bus sets what opening the bus ends with from now on.
func (s *server) bus(err error) {
	if err == nil {
		s.away.Store(nil)
		return
	}
	s.away.Store(&err)
}

func (s *server) open(ctx context.Context, c *config.Config, log *slog.Logger) (app.Opened, error) {
	inner, err := embedded.Open(ctx, embedded.Options{Dir: c.DataDir, Sync: embedded.Lazy, Log: log})
	if err != nil {
		return app.Opened{}, err
	}
	s.t.Cleanup(func() { _ = inner.Close() })
	store, err := jetstream.Open(ctx, inner.Conns(), jetstream.Options{
		Topics: c.Topics, EventStore: inner.EventStore(), PrivateStore: inner.PrivateStore(), Disk: inner, Log: log,
		PublishTimeout: time.Minute, // a change that a busy machine takes its time for is not refused
	})
	if err != nil {
		return app.Opened{}, err
	}
	s.t.Cleanup(func() { _ = store.Close() })
	s.opened = []io.Closer{store, inner}
	return app.Opened{Bus: forgetful{store, &s.dumb}, Health: func(ctx context.Context) error {
		if sick := s.sick.Load(); sick != nil {
			return *sick
		}
		return cmp.Or(inner.Health(ctx), store.Health(ctx))
	}}, nil
}

// A forgetful bus takes no record of the registry while it is told not to.
type forgetful struct {
	app.Bus
	dumb *atomic.Bool
}

func (f forgetful) Append(ctx context.Context, log bus.LogName, r bus.Record) (int64, error) {
	if f.dumb.Load() && log.Kind == bus.Registry {
		return 0, errors.New("write error")
	}
	return f.Bus.Append(ctx, log, r)
}

// get asks the admin listener.
func (s *server) get(path string) (status int, body string) {
	s.t.Helper()
	return s.call(http.MethodGet, "http://"+s.AdminAddr()+path, "")
}

// post sends a CloudEvent to the intake.
func (s *server) post(id string) (status int, body string) {
	s.t.Helper()
	return s.call(http.MethodPost, "http://"+s.IntakeAddr()+"/webhooks/shop", `{"specversion":"1.0","id":"`+id+`","source":"/t","type":"t.made"}`)
}

func (s *server) call(method, url, body string) (int, string) {
	s.t.Helper()
	return s.callAs(token, method, url, body)
}

// register makes the endpoint that a body describes. A machine that is busy answers 503, which says
// to come again; what it was asked for may have been done all the same.
func (s *server) register(body string) (status int, answer string) {
	s.t.Helper()
	address := "http://" + s.AdminAddr() + "/v1/endpoints"
	tries := 0
	waits(s.t, func() bool {
		status, answer = s.call(http.MethodPost, address, body)
		tries++
		return status != http.StatusServiceUnavailable
	})
	if status == http.StatusConflict && tries > 1 {
		var e struct{ Name string }
		if err := json.Unmarshal([]byte(body), &e); err != nil {
			s.t.Fatal(err)
		}
		if status, answer = s.get("/v1/endpoints/" + e.Name); status == http.StatusOK {
			status = http.StatusCreated
		}
	}
	return status, answer
}

func (s *server) callAs(secret, method, url, body string) (int, string) {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+secret)
	req.Header.Set("Content-Type", "application/cloudevents+json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }() // only read
	text, err := io.ReadAll(res.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	if req.URL.Host == s.AdminAddr() {
		schematest.Answer(s.t, method, req.URL.RequestURI(), res.StatusCode, text)
	}
	return res.StatusCode, fmt.Sprintf("%s Retry-After: %s", text, res.Header.Get("Retry-After"))
}

// until waits for /readyz to answer as wanted.
func (s *server) until(status int, says string) {
	s.t.Helper()
	s.await("/readyz", status, says)
}

// shows waits until a page of the admin listener holds a text.
func (s *server) shows(path, text string) {
	s.t.Helper()
	s.await(path, http.StatusOK, text)
}

func (s *server) await(path string, status int, says string) {
	s.t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	limit := time.After(90 * time.Second)
	for {
		got, body := s.get(path)
		if got == status && strings.Contains(body, says) {
			return
		}
		select {
		case <-tick.C:
		case err := <-s.done:
			s.t.Fatalf("the server has ended: %v", err)
		case <-limit:
			s.t.Fatalf("%s answers %d %s, want %d with %q", path, got, body, status, says)
		}
	}
}

// wants checks one answer.
func (s *server) wants(status int, says string) func(int, string) {
	return func(got int, body string) {
		s.t.Helper()
		if got != status || !strings.Contains(body, says) {
			s.t.Errorf("answer %d %s, want %d with %q", got, body, status, says)
		}
	}
}

// waits asks again and again until it is so.
func waits(t *testing.T, so func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for limit := time.After(90 * time.Second); !so(); {
		select {
		case <-tick.C:
		case <-limit:
			t.Fatal("it did not come to be")
		}
	}
}

var errAway = fmt.Errorf("%w: no server answers", bus.ErrUnavailable)

func TestListenersAnswerWhileTheBusIsAway(t *testing.T) {
	t.Parallel()
	s := start(t, errAway)
	s.until(http.StatusServiceUnavailable, "waiting for the bus: bus unavailable: no server answers")
	s.wants(http.StatusOK, "ok")(s.get("/healthz"))
	s.wants(http.StatusServiceUnavailable, `"code":"not_ready"`)(s.get("/v1/endpoints"))
	s.wants(http.StatusServiceUnavailable, `"code":"bus_unavailable"`)(s.post("a"))
	s.wants(http.StatusServiceUnavailable, "Retry-After: 1")(s.post("a"))
	s.wants(http.StatusOK, `hookspan_bus_up{bus="embedded"} 0`)(s.get("/metrics"))
	s.wants(http.StatusOK, `hookspan_bus_state{bus="embedded",state="unavailable"} 1`)(s.get("/metrics"))

	s.bus(nil)
	s.until(http.StatusOK, "ready")
	s.wants(http.StatusOK, "")(s.post("a"))
	s.wants(http.StatusOK, "items")(s.get("/v1/endpoints"))
	s.wants(http.StatusOK, `hookspan_bus_state{bus="embedded",state="ok"} 1`)(s.get("/metrics"))

	for state, err := range map[string]error{"disk_full": bus.ErrDiskFull, "store_full": bus.ErrStoreFull, "unavailable": errAway} {
		s.sick.Store(&err)
		s.until(http.StatusServiceUnavailable, err.Error())
		s.wants(http.StatusOK, `hookspan_bus_state{bus="embedded",state="`+state+`"} 1`)(s.get("/metrics"))
		s.wants(http.StatusOK, `hookspan_bus_up{bus="embedded"} 0`)(s.get("/metrics"))
	}
	s.sick.Store(nil)
	s.until(http.StatusOK, "ready")
	s.end()
	if err := <-s.done; err != nil {
		t.Error(err)
	}
}

func TestErrorThatDoesNotPassEndsTheProcess(t *testing.T) {
	t.Parallel()
	s := start(t, errors.New("stream HOOKSPAN_EVENTS is of somebody else"))
	if err := <-s.done; err == nil || err.Error() != "stream HOOKSPAN_EVENTS is of somebody else" {
		t.Errorf("ended with %v", err)
	}
}

func TestStopWhileTheBusIsAway(t *testing.T) {
	t.Parallel()
	s := start(t, errAway)
	s.until(http.StatusServiceUnavailable, "waiting for the bus")
	s.end()
	if err := <-s.done; err != nil {
		t.Error(err)
	}
}

func TestProcessDoesWhatItsRolesAre(t *testing.T) {
	t.Parallel()
	for roles, c := range map[string]struct{ intake, api bool }{
		"receiver":            {intake: true},
		"dispatcher":          {},
		"admin":               {api: true},
		"receiver,dispatcher": {intake: true},
		"dispatcher,admin":    {api: true},
	} {
		t.Run(roles, func(t *testing.T) {
			t.Parallel()
			s := start(t, nil, "HOOKSPAN_ROLES="+roles)
			s.until(http.StatusOK, "ready")
			if (s.IntakeAddr() != "") != c.intake {
				t.Errorf("takes webhooks on %q", s.IntakeAddr())
			}
			if c.intake {
				s.wants(http.StatusOK, "")(s.post("a"))
			}
			if c.api {
				s.wants(http.StatusOK, "items")(s.get("/v1/sources"))
				s.wants(http.StatusOK, `"counted"`)(s.get("/v1/event-types"))
			} else {
				s.wants(http.StatusNotFound, "leave out admin")(s.get("/v1/sources"))
			}
			s.wants(http.StatusOK, "hookspan_build_info")(s.get("/metrics"))
			owned := "hookspan_shards_owned 0"
			if strings.Contains(roles, "dispatcher") {
				owned = "hookspan_shards_owned 32"
			}
			s.wants(http.StatusOK, owned)(s.get("/metrics"))
			s.end()
			if err := <-s.done; err != nil {
				t.Error(err)
			}
		})
	}
}
