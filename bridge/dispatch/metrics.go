package dispatch

import (
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/hookspan/hookspan/bridge/delivery"
)

// endpointLabels is how many endpoints get a label of their own; the rest share "other".
const endpointLabels = 500

// metrics of the outbound path.
type metrics struct {
	attempts   *prometheus.CounterVec
	seconds    prometheus.Histogram
	deliveries *prometheus.CounterVec

	quarantined prometheus.Counter
	dropped     prometheus.Counter

	mu    sync.Mutex
	named map[string]bool // endpoints that have a label
}

func newMetrics(reg prometheus.Registerer) *metrics {
	m := &metrics{
		named: map[string]bool{},
		attempts: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "hookspan_attempts_total", Help: "Attempts made, by endpoint and outcome.",
		}, []string{"endpoint", "outcome"}),
		seconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "hookspan_attempt_seconds", Help: "Duration of attempts, connect to the end of the response.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30},
		}),
		deliveries: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "hookspan_deliveries_total", Help: "Deliveries that ended, by outcome.",
		}, []string{"outcome"}),
		quarantined: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "hookspan_topic_quarantined_total", Help: "Messages on followed topics that are meant to be CloudEvents and are none, sent to the quarantine.",
		}),
		dropped: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "hookspan_topic_attributes_dropped_total", Help: "Attributes of events on followed topics that CloudEvents does not allow, left out.",
		}),
	}
	for _, o := range []delivery.Outcome{delivery.Delivered, delivery.Failed, delivery.Discarded} {
		m.deliveries.WithLabelValues(string(o))
	}
	if reg != nil {
		reg.MustRegister(m.attempts, m.seconds, m.deliveries, m.quarantined, m.dropped)
	}
	return m
}

func (m *metrics) attempt(endpoint string, res *delivery.Response, took time.Duration) {
	outcome := "success"
	if res.Reason != "" {
		outcome = "failure"
	}
	m.attempts.WithLabelValues(m.label(endpoint), outcome).Inc()
	m.seconds.Observe(took.Seconds())
}

// label bounds how many endpoints the metric tells apart.
func (m *metrics) label(endpoint string) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.named[endpoint] {
		return endpoint
	}
	if len(m.named) >= endpointLabels {
		return "other"
	}
	m.named[endpoint] = true
	return endpoint
}

func (m *metrics) ended(o delivery.Outcome) { m.deliveries.WithLabelValues(string(o)).Inc() }

var (
	pendingDesc = prometheus.NewDesc("hookspan_pending", "Deliveries that wait, by reason.", []string{"reason"}, nil)
	oldestDesc  = prometheus.NewDesc("hookspan_oldest_pending_seconds", "Age of the oldest delivery that waits.", nil, nil)
	ownedDesc   = prometheus.NewDesc("hookspan_shards_owned", "Shards that this process owns.", nil, nil)
	lagDesc     = prometheus.NewDesc("hookspan_lag_events", "Events stored that the live feed has not read.", nil, nil)
)

// A census counts what waits at the moment of the scrape.
type census struct{ d *Dispatcher }

func (c *census) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{pendingDesc, oldestDesc, ownedDesc, lagDesc} {
		ch <- d
	}
}

func (c *census) Collect(ch chan<- prometheus.Metric) {
	s := c.d.Stats()
	for reason, n := range s.Pending {
		ch <- prometheus.MustNewConstMetric(pendingDesc, prometheus.GaugeValue, float64(n), reason)
	}
	ch <- prometheus.MustNewConstMetric(oldestDesc, prometheus.GaugeValue, s.Oldest.Seconds())
	ch <- prometheus.MustNewConstMetric(ownedDesc, prometheus.GaugeValue, float64(s.Shards))
	ch <- prometheus.MustNewConstMetric(lagDesc, prometheus.GaugeValue, float64(s.Lag))
}
