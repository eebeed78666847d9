//go:build !race

package receiver_test

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/hookspan/hookspan/bridge/receiver"
	"github.com/hookspan/hookspan/bridge/tracing"
	"github.com/hookspan/hookspan/bridge/tracing/tracingtest"
)

// A blank takes an answer and keeps its status alone.
type blank struct {
	http.ResponseWriter
	header http.Header
	status int
}

func (b *blank) Header() http.Header { return b.header }
func (b *blank) WriteHeader(s int)   { b.status = s }

// What a request takes in memory of its own has to be little: the texts of its event, and now and
// then a piece of the dedup window. One that could be recorded in a trace and is not takes no more.
// The race detector empties pools, so there is nothing to count.
func TestAnEventTakesLittleMemory(t *testing.T) {
	const most = 4
	rare, _ := tracingtest.New(tracing.Share(1e-15).ByParent())
	off, on := allocations(t, nil), allocations(t, rare)
	if off > most || on > off {
		t.Errorf("%v allocations a request, %v with tracing, at most %d are needed", off, on, most)
	}
}

func allocations(t *testing.T, tracer *tracing.Tracer) float64 {
	const runs = 400
	r, err := receiver.New(receiver.Options{
		Sources:  []receiver.Source{{Name: "shop", Provider: "sticker", Secrets: []string{secret}}},
		Verifier: catalog(t), Publisher: instant{}, Metrics: prometheus.NewRegistry(), Log: discard(), Tracer: tracer,
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	requests := make(chan *http.Request, 2*runs)
	for n := range cap(requests) {
		body := fmt.Appendf(nil, `{"event":"order.shipped","timestamp":"2026-05-04T10:00:00Z","data":{"order_id":"%016d"}}`, n)
		q, err := http.NewRequest("POST", "http://hooks.example.com/webhooks/shop", bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		q.RemoteAddr = "192.0.2.1:4711"
		q.Body = io.NopCloser(bytes.NewReader(body))
		q.Header = http.Header{
			"Content-Type": {"application/json"}, "X-Sticker-Delivery-Id": {fmt.Sprint("delivery-", n)},
			"X-Sticker-Signature": {"sha256=" + hex.EncodeToString(sign(secret, body))},
		}
		requests <- q
	}
	w := &blank{header: http.Header{}}
	take := func() {
		r.ServeHTTP(w, <-requests)
		if w.status != http.StatusOK {
			t.Errorf("answered %d", w.status)
		}
	}
	for range runs / 2 { // pools, maps and the window have their first memory then
		take()
	}
	return testing.AllocsPerRun(runs, take)
}
