package app

import (
	"context"
	"errors"
	"runtime"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/hookspan/hookspan/bridge/aside"
	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/endpoint"
)

// measure registers what belongs to the process as a whole.
func (a *App) measure() {
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "hookspan_build_info", Help: "Always 1; the labels tell the version.",
		ConstLabels: prometheus.Labels{"version": a.Version, "go": runtime.Version()},
	})
	build.Set(1)
	a.resolved = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "hookspan_aside_resolved_total", Help: "Dead letters and quarantined events of which something became through this process, by act.",
	}, []string{"act"})
	for _, act := range aside.Acts() {
		a.resolved.WithLabelValues(string(act))
	}
	a.Metrics.MustRegister(build, a.resolved, newBusGauges(string(a.Config.Bus.Kind), a.health), collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
}

// A busState is what a bus is to intake; a closed set.
type busState string

const (
	busOK          busState = "ok"
	busUnavailable busState = "unavailable"
	busDiskFull    busState = "disk_full"
	busStoreFull   busState = "store_full"
)

func stateOf(health error) busState {
	switch {
	case health == nil:
		return busOK
	case errors.Is(health, bus.ErrDiskFull):
		return busDiskFull
	case errors.Is(health, bus.ErrStoreFull):
		return busStoreFull
	}
	return busUnavailable
}

// busGauges ask for the bus's health once for both of their metrics.
type busGauges struct {
	bus       string
	health    func(context.Context) error
	up, state *prometheus.Desc
}

func newBusGauges(bus string, health func(context.Context) error) *busGauges {
	return &busGauges{
		bus: bus, health: health,
		up:    prometheus.NewDesc("hookspan_bus_up", "1 while the bus takes events.", []string{"bus"}, nil),
		state: prometheus.NewDesc("hookspan_bus_state", "1 for the state that the bus is in, 0 for the others.", []string{"bus", "state"}, nil),
	}
}

// Describe implements prometheus.Collector.
func (g *busGauges) Describe(to chan<- *prometheus.Desc) {
	to <- g.up
	to <- g.state
}

// Collect implements prometheus.Collector.
func (g *busGauges) Collect(to chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), healthTime)
	defer cancel()
	now := stateOf(g.health(ctx))
	one := map[bool]float64{true: 1}
	to <- prometheus.MustNewConstMetric(g.up, prometheus.GaugeValue, one[now == busOK], g.bus)
	for _, s := range []busState{busOK, busUnavailable, busDiskFull, busStoreFull} {
		to <- prometheus.MustNewConstMetric(g.state, prometheus.GaugeValue, one[now == s], g.bus, string(s))
	}
}

// sealGauges count what is sealed by how new its key is.
type sealGauges struct {
	registry  *endpoint.Registry
	endpoints *prometheus.Desc
}

func newSealGauges(r *endpoint.Registry) *sealGauges {
	return &sealGauges{r, prometheus.NewDesc("hookspan_sealed_endpoints",
		"Endpoints whose secrets are sealed with the newest seal key of this process, with an older one of them, or with one that is missing here.", []string{"key"}, nil)}
}

// Describe implements prometheus.Collector.
func (g *sealGauges) Describe(to chan<- *prometheus.Desc) { to <- g.endpoints }

// Collect implements prometheus.Collector.
func (g *sealGauges) Collect(to chan<- prometheus.Metric) {
	counts := map[string]int{"newest": 0, "older": 0, "missing": 0}
	for i, k := range g.registry.Keys() {
		switch {
		case !k.Given:
			counts["missing"] += k.Endpoints
		case i == 0:
			counts["newest"] = k.Endpoints
		default:
			counts["older"] += k.Endpoints
		}
	}
	for key, n := range counts {
		to <- prometheus.MustNewConstMetric(g.endpoints, prometheus.GaugeValue, float64(n), key)
	}
}
