package receiver

import (
	"fmt"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/hookspan/hookspan/bridge/latency"
)

// outcome is a closed set: what came of a request.
type outcome string

const (
	accepted    outcome = "accepted"    // published
	repeats     outcome = "repeated"    // answered, published before
	quarantined outcome = "quarantined" // published to the quarantine topic
	refused     outcome = "refused"     // not genuine, or not for us
	invalid     outcome = "invalid"     // cannot be read, or genuine and rejected
	limited     outcome = "limited"     // beyond the source's rate
	unavailable outcome = "unavailable" // cannot be stored now
	challenge   outcome = "challenge"   // a handshake was answered
	unverified  outcome = "unverified"  // published apart, by a source that only observes
)

var outcomes = [...]outcome{accepted, repeats, quarantined, refused, invalid, limited, unavailable, challenge, unverified}

type metrics struct {
	requests   *prometheus.CounterVec
	seconds    *latency.Histogram
	publish    *latency.Histogram
	altered    *prometheus.CounterVec
	dropped    *prometheus.CounterVec
	suppressed prometheus.Counter
	unknown    prometheus.Counter // requests for sources that do not exist
}

func newMetrics(into prometheus.Registerer, r *Receiver) (*metrics, error) {
	m := &metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "hookspan_intake_requests_total", Help: "Requests by source and what came of them; source is empty where there is none of that name.",
		}, []string{"source", "outcome"}),
		seconds: latency.New("hookspan_intake_seconds", "Time from a request's headers to its answer."),
		publish: latency.New("hookspan_publish_seconds", "Time until the bus had made an event durable."),
		altered: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "hookspan_intake_altered_total", Help: "Repeated ids that came with another body, and signed requests that came again under another id.",
		}, []string{"source"}),
		dropped: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "hookspan_intake_attributes_dropped_total", Help: "Attributes with a name that CloudEvents does not allow, left out, by source.",
		}, []string{"source"}),
		suppressed: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "hookspan_refusals_suppressed_total", Help: "Refusals that left no trace because there were too many.",
		}),
	}
	m.unknown = m.requests.WithLabelValues("", string(refused))
	collectors := []prometheus.Collector{
		m.requests, m.seconds, m.publish, m.altered, m.dropped, m.suppressed,
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "hookspan_intake_memory_bytes", Help: "Memory of the bodies in hand.",
		}, func() float64 { return float64(r.bodies.inHand()) }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "hookspan_dedup_ids", Help: "Ids that are remembered to recognise repeats.",
		}, func() float64 { return float64(r.window.size()) }),
	}
	if r.past.shared != nil {
		collectors = append(collectors, prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "hookspan_dedup_following", Help: "1 while repeats of what other processes published are recognised.",
		}, func() float64 {
			if r.past.following.Load() {
				return 1
			}
			return 0
		}))
	}
	for _, c := range collectors {
		if err := into.Register(c); err != nil {
			return nil, fmt.Errorf("registering the receiver's metrics: %w", err)
		}
	}
	return m, nil
}

// of returns the counters of one source, looked up once and not per request.
func (m *metrics) of(source string) map[outcome]prometheus.Counter {
	counters := make(map[outcome]prometheus.Counter, len(outcomes))
	for _, o := range outcomes {
		counters[o] = m.requests.WithLabelValues(source, string(o))
	}
	return counters
}
