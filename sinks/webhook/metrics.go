package webhook

import "github.com/prometheus/client_golang/prometheus"

// placeMetrics count attempts that had to wait for a connection.
type placeMetrics struct{ waits prometheus.Counter }

func newPlaceMetrics() *placeMetrics {
	return &placeMetrics{prometheus.NewCounter(prometheus.CounterOpts{
		Name: "hookspan_egress_waits_total", Help: "Times that an attempt had to wait for a connection, because endpoints had as many as there may be.",
	})}
}

// register shows the connections of a sender.
func (p *places) register(into prometheus.Registerer) {
	into.MustRegister(p.metrics.waits,
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "hookspan_egress_connections", Help: "Connections to endpoints: those that are made, in use, or kept for the next attempt.",
		}, p.count),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "hookspan_egress_waiting", Help: "Attempts that wait for a connection.",
		}, func() float64 { return float64(p.waiting.Load()) }),
	)
}
