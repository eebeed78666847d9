package dispatch

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/hookspan/hookspan/bridge/delivery"
	"github.com/hookspan/hookspan/bridge/latency"
)

// metrics of the outbound path.
type metrics struct {
	endpoints    *endpointMetrics
	seconds      *latency.Histogram
	deliveries   *prometheus.CounterVec
	unsuccessful *prometheus.CounterVec
	commands     *prometheus.CounterVec

	proxy       prometheus.Counter
	quarantined prometheus.Counter
	passedOver  prometheus.Counter
	dropped     prometheus.Counter
	alike       prometheus.Counter
	tenantless  prometheus.Counter
	opened      prometheus.Counter
}

func newMetrics(reg prometheus.Registerer) *metrics {
	m := &metrics{
		endpoints: newEndpointMetrics(),
		seconds:   latency.New("hookspan_attempt_seconds", "Duration of attempts, connect to the end of the response."),
		deliveries: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "hookspan_deliveries_total", Help: "Deliveries that ended, by outcome.",
		}, []string{"outcome"}),
		unsuccessful: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "hookspan_deliveries_unsuccessful_total", Help: "Deliveries that ended without success, by reason.",
		}, []string{"reason"}),
		commands: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "hookspan_commands_total", Help: "Deliveries and endpoints of which an operator asked something, by command; counted by their owner.",
		}, []string{"command"}),
		proxy: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "hookspan_proxy_failures_total", Help: "Attempts that failed because of a proxy, not of the endpoint.",
		}),
		quarantined: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "hookspan_topic_quarantined_total", Help: "Messages on followed topics that are meant to be CloudEvents and are none, sent to the quarantine.",
		}),
		passedOver: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "hookspan_topic_passed_over_total", Help: "Messages on followed topics that are meant to be CloudEvents and are none, of which the quarantine takes nothing.",
		}),
		dropped: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "hookspan_topic_attributes_dropped_total", Help: "Attributes of events on followed topics that CloudEvents does not allow, left out.",
		}),
		alike: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "hookspan_topic_lookalikes_total", Help: "Messages on followed topics that look like CloudEvents and are none, wrapped like any other.",
		}),
		tenantless: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "hookspan_topic_tenants_dropped_total", Help: "Events read from followed topics with something that cannot be the name of a tenant, taken for nobody's.",
		}),
		opened: prometheus.NewCounter(prometheus.CounterOpts{Name: "hookspan_breakers_opened_total", Help: "Breakers of endpoints that opened."}),
	}
	for _, o := range []delivery.Outcome{delivery.Delivered, delivery.Failed, delivery.Discarded} {
		m.deliveries.WithLabelValues(string(o))
	}
	for _, why := range delivery.Ends() {
		m.unsuccessful.WithLabelValues(string(why))
	}
	for _, kind := range delivery.CommandKinds() {
		m.commands.WithLabelValues(string(kind))
	}
	if reg != nil {
		reg.MustRegister(m.endpoints.attempts, m.endpoints.seconds, m.seconds, m.deliveries, m.unsuccessful, m.commands, m.proxy, m.quarantined, m.passedOver, m.dropped, m.alike, m.tenantless, m.opened)
	}
	return m
}

func (m *metrics) attempt(endpoint string, res *delivery.Response, took time.Duration, traceparent string) {
	m.endpoints.of(endpoint).attempt(res, took)
	m.seconds.Observe(took, traceparent)
	if res.Reason == delivery.ReasonProxy {
		m.proxy.Inc()
	}
}

// ended counts deliveries that ended; why is empty for success.
func (m *metrics) ended(o delivery.Outcome, why delivery.Ended, n int64) {
	m.deliveries.WithLabelValues(string(o)).Add(float64(n))
	if why != "" {
		m.unsuccessful.WithLabelValues(string(why)).Add(float64(n))
	}
}

var (
	pendingDesc  = prometheus.NewDesc("hookspan_pending", "Deliveries that wait, by reason.", []string{"reason"}, nil)
	oldestDesc   = prometheus.NewDesc("hookspan_oldest_pending_seconds", "Age of the oldest delivery that waits.", nil, nil)
	oldestOfDesc = prometheus.NewDesc("hookspan_pending_oldest_seconds", "Age of the oldest delivery that waits, by reason; of limited ones those without an attempt.", []string{"reason"}, nil)
	ownedDesc    = prometheus.NewDesc("hookspan_shards_owned", "Shards that this process owns.", nil, nil)
	lagDesc      = prometheus.NewDesc("hookspan_lag_events", "Events stored that the live feed has not read.", nil, nil)

	endpointPendingDesc = prometheus.NewDesc("hookspan_endpoint_pending", "Deliveries that wait, by endpoint; of those that this process owns.", []string{"endpoint"}, nil)
	endpointOldestDesc  = prometheus.NewDesc("hookspan_endpoint_oldest_pending_seconds", "Age of the oldest delivery that waits, by endpoint.", []string{"endpoint"}, nil)
)

// A census counts what waits at the moment of the scrape.
type census struct{ d *Dispatcher }

func (c *census) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{pendingDesc, oldestDesc, oldestOfDesc, ownedDesc, lagDesc, endpointPendingDesc, endpointOldestDesc, breakersDesc, breakerDesc, breakerSinceDesc, breakerProbeDesc} {
		ch <- d
	}
}

func (c *census) Collect(ch chan<- prometheus.Metric) {
	c.collectBreakers(ch)
	waits := map[string]waitsOf{} // by label
	s := c.d.count(func(endpoint string, w waitsOf) {
		label := c.d.metrics.endpoints.label(endpoint, w.deliveries > 0)
		if label == otherEndpoints && w.deliveries == 0 {
			return
		}
		all := waits[label]
		waits[label] = waitsOf{deliveries: all.deliveries + w.deliveries, oldest: max(all.oldest, w.oldest)}
	})
	for reason, n := range s.Pending {
		ch <- prometheus.MustNewConstMetric(pendingDesc, prometheus.GaugeValue, float64(n), reason)
	}
	for reason, age := range s.OldestOf {
		ch <- prometheus.MustNewConstMetric(oldestOfDesc, prometheus.GaugeValue, age.Seconds(), reason)
	}
	ch <- prometheus.MustNewConstMetric(oldestDesc, prometheus.GaugeValue, s.Oldest.Seconds())
	ch <- prometheus.MustNewConstMetric(ownedDesc, prometheus.GaugeValue, float64(s.Shards))
	ch <- prometheus.MustNewConstMetric(lagDesc, prometheus.GaugeValue, float64(s.Lag))
	for label, w := range waits {
		ch <- prometheus.MustNewConstMetric(endpointPendingDesc, prometheus.GaugeValue, float64(w.deliveries), label)
		ch <- prometheus.MustNewConstMetric(endpointOldestDesc, prometheus.GaugeValue, w.oldest.Seconds(), label)
	}
}
