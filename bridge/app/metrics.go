package app

import (
	"context"
	"runtime"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

// measure registers what belongs to the process as a whole.
func (a *App) measure() {
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "hookspan_build_info", Help: "Always 1; the labels tell the version.",
		ConstLabels: prometheus.Labels{"version": a.Version, "go": runtime.Version()},
	})
	build.Set(1)
	up := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "hookspan_bus_up", Help: "1 while the bus takes events.",
		ConstLabels: prometheus.Labels{"bus": string(a.Config.Bus.Kind)},
	}, func() float64 {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if a.Health(ctx) != nil {
			return 0
		}
		return 1
	})
	a.Metrics.MustRegister(build, up, collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
}
