package latency_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"github.com/hookspan/hookspan/bridge/latency"
)

const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

// gathered is a histogram as a scrape finds it.
func gathered(t *testing.T, h *latency.Histogram) *dto.Histogram {
	t.Helper()
	registry := prometheus.NewRegistry()
	registry.MustRegister(h)
	families, err := registry.Gather()
	if err != nil || len(families) != 1 {
		t.Fatalf("%d families: %v", len(families), err)
	}
	return families[0].GetMetric()[0].GetHistogram()
}

func TestClassicAndNativeBuckets(t *testing.T) {
	t.Parallel()
	h := latency.New("test_seconds", "For a test.")
	for _, took := range []time.Duration{50 * time.Microsecond, 3 * time.Millisecond, 45 * time.Second, 2 * time.Minute} {
		h.Observe(took, "")
	}
	got := gathered(t, h)
	classic := got.GetBucket()
	if first, last := classic[0], classic[len(classic)-1]; first.GetUpperBound() != 100e-6 || first.GetCumulativeCount() != 1 || last.GetUpperBound() != 60 || last.GetCumulativeCount() != 3 {
		t.Errorf("from %v to %v", first, last)
	}
	if got.GetSampleCount() != 4 || got.GetSchema() != 3 || len(got.GetPositiveSpan()) == 0 {
		t.Errorf("native buckets: schema %d, %d spans", got.GetSchema(), len(got.GetPositiveSpan()))
	}
	for _, b := range classic {
		if b.GetExemplar() != nil {
			t.Errorf("an exemplar without a trace: %v", b)
		}
	}
}

func TestASampledTraceLeavesAnExemplar(t *testing.T) {
	t.Parallel()
	later := "01" + traceparent[2:] + "-more"
	for text, want := range map[string]bool{
		traceparent:                               true,
		later:                                     true,
		traceparent[:53] + "03":                   true,
		traceparent[:53] + "0b":                   true,
		traceparent[:53] + "00":                   false, // nobody keeps it
		traceparent[:53] + "0a":                   false,
		traceparent + "-more":                     false,
		traceparent[:54]:                          false,
		"01" + traceparent[2:] + "x":              false,
		"ff" + traceparent[2:]:                    false,
		strings.ToUpper(traceparent):              false,
		strings.Replace(traceparent, "-", "_", 1): false,
		"00-00000000000000000000000000000000-b7ad6b7169203331-01": false,
		"00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01": false,
		"": false,
	} {
		h := latency.New("test_seconds", "For a test.")
		h.Observe(3*time.Millisecond, text)
		got := gathered(t, h)
		at := slices.IndexFunc(got.GetBucket(), func(b *dto.Bucket) bool { return b.GetExemplar() != nil })
		if (at >= 0) != want || (len(got.GetExemplars()) > 0) != want {
			t.Errorf("%q: classic bucket %d, %d native exemplars, want %v", text, at, len(got.GetExemplars()), want)
			continue
		}
		if want {
			l := got.GetBucket()[at].GetExemplar().GetLabel()
			if len(l) != 1 || l[0].GetName() != "trace_id" || l[0].GetValue() != "0af7651916cd43dd8448eb211c80319c" {
				t.Errorf("%q: labels %v", text, l)
			}
		}
	}
}

func TestObservingAllocatesNothing(t *testing.T) {
	h := latency.New("test_seconds", "For a test.")
	unsampled := traceparent[:53] + "00"
	if n := testing.AllocsPerRun(100, func() {
		h.Observe(300*time.Microsecond, "")
		h.Observe(20*time.Second, unsampled)
	}); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkObserve(b *testing.B) {
	h := latency.New("test_seconds", "For a test.")
	b.ReportAllocs()
	for b.Loop() {
		h.Observe(300*time.Microsecond, "")
	}
}
