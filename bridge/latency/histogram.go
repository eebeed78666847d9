package latency

import (
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

const (
	nativeFactor  = 1.1 // from one native bucket to the next
	nativeBuckets = 160 // at most: twenty doublings of that; beyond it they become wider
)

// buckets are the classic ones, in seconds.
func buckets() []float64 {
	return []float64{
		.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60,
	}
}

// A Histogram counts durations.
type Histogram struct {
	prometheus.Collector
	plain  prometheus.Observer
	traced prometheus.ExemplarObserver
}

// New returns a histogram that a registry takes as a collector.
func New(name, help string) *Histogram {
	h := prometheus.NewHistogram(prometheus.HistogramOpts{
		Name: name, Help: help, Buckets: buckets(),
		NativeHistogramBucketFactor: nativeFactor, NativeHistogramMaxBucketNumber: nativeBuckets,
	})
	return &Histogram{h, h, h.(prometheus.ExemplarObserver)}
}

// Observe counts what took so long. traceparent is that of the event or request (W3C Trace
// Context), "" where there is none.
func (h *Histogram) Observe(took time.Duration, traceparent string) {
	if id := sampled(traceparent); id != "" {
		h.traced.ObserveWithExemplar(took.Seconds(), prometheus.Labels{"trace_id": id})
		return
	}
	h.plain.Observe(took.Seconds())
}

// sampled is the id of a trace that somebody keeps; "" for any other text, which anybody may
// have sent.
func sampled(traceparent string) string {
	const shortest = len("00-0123456789abcdef0123456789abcdef-0123456789abcdef-01")
	t := traceparent
	if len(t) < shortest || t[2] != '-' || t[35] != '-' || t[52] != '-' || t[:2] == "ff" || len(t) > shortest && (t[:2] == "00" || t[55] != '-') {
		return ""
	}
	version, id, parent, flags := t[:2], t[3:35], t[36:52], t[53:55]
	if !hex(version) || !hex(id) || !hex(parent) || !hex(flags) || strings.Trim(id, "0") == "" || strings.Trim(parent, "0") == "" {
		return ""
	}
	if odd := strings.IndexByte("13579bdf", flags[1]) >= 0; !odd { // the lowest flag: somebody records it
		return ""
	}
	return strings.Clone(id) // the text may be part of a whole body
}

func hex(text string) bool { return strings.Trim(text, "0123456789abcdef") == "" }
