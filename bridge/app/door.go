package app

import (
	"net/http"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/hookspan/hookspan/bridge/admin"
	"github.com/hookspan/hookspan/bridge/config"
	"github.com/hookspan/hookspan/bridge/problem"
)

// A door is the handler of a listener: it answers from the start, and lets requests in to what
// is opened behind it.
type door struct {
	closed http.Handler // answers until then
	behind atomic.Pointer[http.Handler]
}

func (d *door) open(h http.Handler) { d.behind.Store(&h) }

func (d *door) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if h := d.behind.Load(); h != nil {
		(*h).ServeHTTP(w, r)
		return
	}
	d.closed.ServeHTTP(w, r)
}

// noIntake is what senders are told until the bus is open: come again.
func noIntake(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Retry-After", "1")
	w.Header().Set("Connection", "close") // nobody reads the body
	problem.Write(w, problem.New(problem.BusUnavailable))
}

// probes answer for health, readiness and metrics until the API does, and for good in a
// process without the role.
func (a *App) probes() http.Handler {
	absent := problem.New(problem.NotFound).With("this process has no API; its roles (HOOKSPAN_ROLES) leave out admin")
	if a.runs(config.RoleAdmin) {
		absent = problem.New(problem.NotReady).With("the server is starting; /readyz says what it waits for")
	}
	return admin.Probes(a.Readiness, metricsPage(a.Metrics), absent)
}

func metricsPage(m *prometheus.Registry) http.Handler {
	return promhttp.HandlerFor(m, promhttp.HandlerOpts{EnableOpenMetrics: true})
}
