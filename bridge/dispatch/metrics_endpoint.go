package dispatch

import (
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/hookspan/hookspan/bridge/delivery"
)

const (
	endpointLabels = 500     // how many endpoints are told apart
	otherEndpoints = "other" // what the rest shares
)

// endpointMetrics are those that tell endpoints apart, as far as that goes.
type endpointMetrics struct {
	attempts *prometheus.CounterVec
	seconds  *prometheus.HistogramVec // fewer buckets than elsewhere, and no native ones: there are many of it

	mu    sync.Mutex
	meter map[string]*endpointMeter // by label
}

// An endpointMeter counts the attempts of one endpoint, or of all that share its label.
type endpointMeter struct {
	success, failure prometheus.Counter
	seconds          prometheus.Observer
}

func newEndpointMetrics() *endpointMetrics {
	return &endpointMetrics{
		attempts: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "hookspan_attempts_total", Help: "Attempts made, by endpoint and outcome.",
		}, []string{"endpoint", "outcome"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "hookspan_endpoint_attempt_seconds", Help: "Duration of attempts by endpoint, connect to the end of the response.",
			Buckets: []float64{.005, .025, .1, .25, .5, 1, 2.5, 5, 10, 30, 60},
		}, []string{"endpoint"}),
		meter: map[string]*endpointMeter{},
	}
}

// of is the meter of an endpoint, which has a label from now on if there is one left.
func (m *endpointMetrics) of(endpoint string) *endpointMeter {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.take(endpoint)
}

func (m *endpointMetrics) take(label string) *endpointMeter {
	if at := m.meter[label]; at != nil {
		return at
	}
	if len(m.meter) >= endpointLabels && label != otherEndpoints {
		return m.take(otherEndpoints)
	}
	at := &endpointMeter{
		success: m.attempts.WithLabelValues(label, "success"), failure: m.attempts.WithLabelValues(label, "failure"),
		seconds: m.seconds.WithLabelValues(label),
	}
	m.meter[label] = at
	return at
}

// label is that of an endpoint. It gets one of its own only where it is worth one.
func (m *endpointMetrics) label(endpoint string, worth bool) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	if worth {
		m.take(endpoint)
	}
	if m.meter[endpoint] == nil {
		return otherEndpoints
	}
	return endpoint
}

func (at *endpointMeter) attempt(res *delivery.Response, took time.Duration) {
	at.seconds.Observe(took.Seconds())
	if res.Reason != "" {
		at.failure.Inc()
		return
	}
	at.success.Inc()
}
