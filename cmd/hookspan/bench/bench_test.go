//go:build benches

package bench

import (
	"bytes"
	"context"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hookspan/hookspan/cmd/hookspan/load"
)

func TestBareIntakeTakesWhatTheGeneratorSigns(t *testing.T) {
	t.Parallel()
	bare, stop, err := startBareIntake()
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	run := load.Run{Connections: 2, Requests: 20, Counter: &atomic.Int64{}}
	var y tally
	if err := y.add(t.Context(), run, benchRequest(bare, "/")); err != nil || y.done != 20 {
		t.Errorf("done %d, error %v", y.done, err)
	}
	forged := load.NewRequest(bare, "/", "X-Id", http.Header{"X-Sticker-Signature": {"sha256=" + strings.Repeat("0", 64)}}, benchBody(), nil)
	if err := y.add(t.Context(), run, forged); err == nil {
		t.Error("a body with another one's signature is taken")
	}
}

func TestBareLoopReachesTheReceiver(t *testing.T) {
	t.Parallel()
	s := httptest.NewServer(newCounting())
	defer s.Close()
	receiver := &receiverProcess{url: s.URL, stop: func() {}}
	var y tally
	if err := y.post(t.Context(), receiver, 3, &plan{connections: 2, events: 50}); err != nil {
		t.Fatal(err)
	}
	other, err := receiver.arrived(t.Context(), 4)
	if err != nil || y.done != 50 || other.Count != 0 {
		t.Errorf("done %d, other round %d, error %v", y.done, other.Count, err)
	}
}

func TestACourseTakesAnOrderOnce(t *testing.T) {
	t.Parallel()
	c := newCourse(3, 2)
	s := httptest.NewServer(c)
	defer s.Close()
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { // delivers to both
		body, err := io.ReadAll(r.Body)
		for _, path := range []string{"/0", "/1"} {
			if res, e := s.Client().Post(s.URL+path, "application/json", bytes.NewReader(body)); err != nil || e != nil || res.StatusCode != http.StatusOK {
				t.Errorf("%v, %v, %v", err, e, res)
			}
		}
	}))
	defer other.Close()
	if err := c.run(t.Context(), other.URL, 2, 10_000, 0, 3); err != nil {
		t.Fatal(err)
	}
	if err := c.send(t.Context(), s.Client(), s.URL+"/1", 2); err != nil {
		t.Error(err)
	}
	for _, unknown := range []string{"/2", "/-1", "/"} {
		if err := c.send(t.Context(), s.Client(), s.URL+unknown, 2); err == nil {
			t.Errorf("there is an endpoint %s", unknown)
		}
	}
	if err := c.send(t.Context(), s.Client(), s.URL+"/0", 3); err == nil {
		t.Error("a webhook that nobody sent is taken")
	}
	if n := c.latency.Count(); n != 6 {
		t.Errorf("%d arrivals, want 6", n)
	}
}

func TestBadNeighbours(t *testing.T) {
	t.Parallel()
	s := httptest.NewServer(newCounting())
	t.Cleanup(s.Close)
	post := func(how string) *http.Response {
		ctx, cancel := context.WithCancel(t.Context())
		t.Cleanup(cancel)
		r, err := http.NewRequestWithContext(ctx, http.MethodPost, s.URL+"/"+how, strings.NewReader("{}"))
		if err != nil {
			t.Fatal(err)
		}
		if how == hanging {
			time.AfterFunc(50*time.Millisecond, cancel)
		}
		res, err := s.Client().Do(r)
		if (err != nil) != (how == hanging) {
			t.Fatalf("%s: %v", how, err)
		}
		return res
	}
	post(hanging)
	if res := post(failing); res.StatusCode != http.StatusInternalServerError {
		t.Errorf("status %d", res.StatusCode)
	}
	res := post(trickling)
	if n, err := io.ReadFull(res.Body, make([]byte, 2)); n != 2 || err != nil || res.StatusCode != http.StatusOK {
		t.Errorf("%d bytes came, status %d: %v", n, res.StatusCode, err)
	}
}

func TestQuantileOfAPrometheusHistogram(t *testing.T) {
	t.Parallel()
	const text = `# TYPE hookspan_attempt_seconds histogram
hookspan_attempt_seconds_bucket{endpoint="a",le="0.1"} 50
hookspan_attempt_seconds_bucket{endpoint="a",le="0.2"} 100
hookspan_attempt_seconds_bucket{endpoint="a",le="+Inf"} 100
hookspan_attempt_seconds_bucket{endpoint="b",le="0.1"} 0
hookspan_attempt_seconds_bucket{endpoint="b",le="0.2"} 0
hookspan_attempt_seconds_bucket{endpoint="b",le="+Inf"} 0
hookspan_attempt_seconds_sum 3
`
	buckets, err := readBuckets(strings.NewReader(text), attemptMetric)
	if err != nil {
		t.Fatal(err)
	}
	for q, want := range map[float64]float64{0.25: 0.05, 0.5: 0.1, 0.75: 0.15, 0.99: 0.198} {
		if got := quantile(buckets, q); math.Abs(got-want) > 1e-9 {
			t.Errorf("quantile %v: %v, want %v", q, got, want)
		}
	}
	if _, err := readBuckets(strings.NewReader(`hookspan_attempt_seconds_bucket{le="x"} 1`), attemptMetric); err == nil {
		t.Error("a bucket without a bound is taken")
	}
}

// Each round compares its own two turns, and the middle round counts: one that something else has
// slowed down does not.
func TestSidesAreComparedWithinARound(t *testing.T) {
	t.Parallel()
	var s sides
	var order string
	turn := func(name string, rate int64) func(*tally) error {
		return func(y *tally) error {
			order += name
			y.done, y.elapsed, y.mallocs = rate, time.Second, uint64(2*rate)
			return nil
		}
	}
	for n, traced := range []int64{99, 10, 98} {
		if err := s.round(n+1, turn("a", 100), turn("b", traced)); err != nil {
			t.Fatal(err)
		}
	}
	if got := s.tracing(0.01); order != "abbaab" || *got != (Tracing{Share: 0.01, Throughput: 69, Ratio: 0.98, Least: 0.1, Most: 0.99, AllocsPerEvent: 2}) {
		t.Errorf("order %s, %+v", order, got)
	}
	var alone sides
	if err := alone.round(2, turn("", 100), nil); err != nil || alone.tracing(0) != nil || alone.plain.done != 100 {
		t.Errorf("%v, %+v", err, alone)
	}
}
