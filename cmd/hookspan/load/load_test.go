package load_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hookspan/hookspan/cmd/hookspan/load"
)

func server(t *testing.T, h http.HandlerFunc) (address string) {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return strings.TrimPrefix(s.URL, "http://")
}

func TestEveryRequestIsWholeAndHasItsOwnID(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	seen := map[string]bool{}
	address := server(t, func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		mu.Lock()
		defer mu.Unlock()
		id := r.Header.Get("X-Id")
		if err != nil || string(body) != "payload" || r.URL.Path != "/in" || r.Header.Get("X-Sig") != "s" || seen[id] {
			w.WriteHeader(http.StatusTeapot)
		}
		seen[id] = true
	})
	request := load.NewRequest(address, "/in", "X-Id", http.Header{"X-Sig": {"s"}}, []byte("payload"), nil)
	var counter atomic.Int64
	result, err := load.Do(t.Context(), load.Run{Connections: 4, Requests: 200, Counter: &counter}, request)
	if err != nil {
		t.Fatal(err)
	}
	if result.Done != 200 || result.Refused != 0 || len(seen) != 200 {
		t.Errorf("done %d, refused %d, seen %d; want 200, 0, 200", result.Done, result.Refused, len(seen))
	}
}

func TestEveryBodyIsSigned(t *testing.T) {
	t.Parallel()
	address := server(t, func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil || string(body) != "order "+r.Header.Get("X-Id") || r.Header.Get("X-Sig") != "last="+string(body[len(body)-2:]) {
			w.WriteHeader(http.StatusTeapot)
		}
	})
	signing := &load.Signing{Header: "X-Sig", Prefix: "last=", Length: 2, New: func() func(dst, body []byte) {
		return func(dst, body []byte) { copy(dst, body[len(body)-2:]) }
	}}
	request := load.NewRequest(address, "/in", "X-Id", nil, []byte("order "+load.ID), signing)
	result, err := load.Do(t.Context(), load.Run{Connections: 2, Requests: 50, Counter: &atomic.Int64{}}, request)
	if err != nil || result.Done != 50 {
		t.Errorf("%+v %v", result, err)
	}
}

func TestAnswersThatAreNot200AreCounted(t *testing.T) {
	t.Parallel()
	address := server(t, func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "full", http.StatusServiceUnavailable) })
	request := load.NewRequest(address, "/", "X-Id", nil, nil, nil)
	var counter atomic.Int64
	result, err := load.Do(t.Context(), load.Run{Connections: 2, Requests: 10, Counter: &counter}, request)
	if err != nil {
		t.Fatal(err)
	}
	if result.Done != 0 || result.Refused != 10 || result.LastCode != http.StatusServiceUnavailable {
		t.Errorf("done %d, refused %d, code %d", result.Done, result.Refused, result.LastCode)
	}
}

func TestABrokenConnectionIsAnError(t *testing.T) {
	t.Parallel()
	address := server(t, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	var counter atomic.Int64
	_, err := load.Do(t.Context(), load.Run{Connections: 2, Requests: 10, Counter: &counter}, load.NewRequest(address, "/", "X-Id", nil, nil, nil))
	if err == nil {
		t.Error("no error")
	}
}

func TestDurationEndsARun(t *testing.T) {
	t.Parallel()
	address := server(t, func(http.ResponseWriter, *http.Request) {})
	var counter atomic.Int64
	result, err := load.Do(t.Context(), load.Run{Connections: 1, Duration: 20 * time.Millisecond, Counter: &counter}, load.NewRequest(address, "/", "X-Id", nil, nil, nil))
	if err != nil {
		t.Fatal(err)
	}
	if result.Done == 0 || result.Elapsed < 20*time.Millisecond {
		t.Errorf("%d requests in %v", result.Done, result.Elapsed)
	}
}

func TestQuantilesAreWithinABucket(t *testing.T) {
	t.Parallel()
	var h, other load.Histogram
	for i := 1; i <= 1000; i++ {
		h.Record(time.Duration(i) * time.Millisecond)
	}
	other.Record(-1)
	h.Merge(&other)
	for q, want := range map[float64]time.Duration{0.5: 500 * time.Millisecond, 0.99: 990 * time.Millisecond, 1: time.Second, 0: 0} {
		if got := h.Quantile(q); got < want || float64(got) > float64(want)*(1+1.0/32)+1 {
			t.Errorf("quantile %v: %v, want about %v", q, got, want)
		}
	}
	if h.Count() != 1001 {
		t.Errorf("count %d", h.Count())
	}
}

func FuzzHistogram(f *testing.F) {
	f.Add(int64(0))
	f.Add(int64(31))
	f.Add(int64(1) << 62)
	f.Fuzz(func(t *testing.T, n int64) {
		var h load.Histogram
		h.Record(time.Duration(n))
		got, want := h.Quantile(1), time.Duration(max(n, 0))
		if got < want || float64(got) > float64(want)*(1+1.0/32)+1 {
			t.Errorf("%d is reported as %d", want, got)
		}
	})
}
