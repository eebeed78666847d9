package dispatch

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/hookspan/hookspan/bridge/delivery"
	"github.com/hookspan/hookspan/bridge/ops"
)

var (
	breakersDesc     = prometheus.NewDesc("hookspan_breakers", "Endpoints that this process delivers to, by the state of their breaker.", []string{"state"}, nil)
	breakerDesc      = prometheus.NewDesc("hookspan_endpoint_breakers", "Breakers that are not closed, by endpoint and state.", []string{"endpoint", "state"}, nil)
	breakerSinceDesc = prometheus.NewDesc("hookspan_endpoint_breaker_since_timestamp_seconds", "When a breaker opened that is not closed again, by endpoint.", []string{"endpoint"}, nil)
	breakerProbeDesc = prometheus.NewDesc("hookspan_endpoint_breaker_next_probe_timestamp_seconds", "When the next attempt tries an endpoint whose breaker is open.", []string{"endpoint"}, nil)
)

// breaker counts the breakers that open.
func (m *metrics) breaker(kind ops.Type) {
	if kind == ops.BreakerOpened {
		m.opened.Inc()
	}
}

// breakersOf are those that share a label, and are not closed.
type breakersOf struct {
	states      map[delivery.BreakerState]int
	since, next time.Time // the first of them
}

// collectBreakers looks at the breakers at the moment of the scrape.
func (c *census) collectBreakers(ch chan<- prometheus.Metric) {
	states, labels := map[delivery.BreakerState]int{}, map[string]*breakersOf{}
	for _, s := range c.d.owned.all() {
		s.mu.Lock()
		for _, l := range s.lanes {
			b := laneView{l}.breakerView()
			if b == nil {
				states[delivery.BreakerClosed]++
				continue
			}
			states[b.State]++
			label := c.d.metrics.endpoints.label(l.ep.Name, true)
			of := labels[label]
			if of == nil {
				of = &breakersOf{states: map[delivery.BreakerState]int{}}
				labels[label] = of
			}
			of.states[b.State]++
			of.since, of.next = earlier(of.since, b.Since), earlier(of.next, b.NextProbe)
		}
		s.mu.Unlock()
	}
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	for _, state := range []delivery.BreakerState{delivery.BreakerClosed, delivery.BreakerOpen, delivery.BreakerHalfOpen} {
		gauge(breakersDesc, float64(states[state]), string(state))
	}
	for label, of := range labels {
		for state, n := range of.states {
			gauge(breakerDesc, float64(n), label, string(state))
		}
		gauge(breakerSinceDesc, seconds(of.since), label)
		if !of.next.IsZero() {
			gauge(breakerProbeDesc, seconds(of.next), label)
		}
	}
}

// seconds is a time as metrics have it.
func seconds(t time.Time) float64 { return float64(t.UnixMilli()) / 1000 }
