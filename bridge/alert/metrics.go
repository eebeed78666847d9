package alert

import "github.com/prometheus/client_golang/prometheus"

// What came of a mail.
const (
	mailSent    = "sent"
	mailFailed  = "failed"  // the server was away
	mailRefused = "refused" // the server does not take it
	mailDropped = "dropped" // alerts that nobody took for too long
)

type metrics struct {
	mails   *prometheus.CounterVec
	waiting prometheus.Gauge
}

func newMetrics(reg prometheus.Registerer) *metrics {
	m := &metrics{
		mails: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "hookspan_alert_mails_total", Help: "Alert mails, by what came of each try.",
		}, []string{"outcome"}),
		waiting: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "hookspan_alerts_waiting", Help: "Alerts that have not been mailed to everybody yet; of the process that mails.",
		}),
	}
	for _, outcome := range []string{mailSent, mailFailed, mailRefused, mailDropped} {
		m.mails.WithLabelValues(outcome)
	}
	if reg != nil {
		reg.MustRegister(m.mails, m.waiting)
	}
	return m
}
