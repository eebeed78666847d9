package receiver_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/event"
	"github.com/hookspan/hookspan/bridge/receiver"
)

func TestRepeatsAreKnownAfterARestart(t *testing.T) {
	t.Parallel()
	before := setup(t, nil)
	before.send("1", `{"event":"a"}`)
	before.send("2", "not JSON")
	if n := len(before.store.all()); n != 2 {
		t.Fatalf("%d events are stored", n)
	}

	after := setup(t, func(o *receiver.Options) { o.History = before.store })
	for id, body := range map[string]string{"1": `{"event":"a"}`, "2": "not JSON"} {
		if got := after.send(id, body); got.status != 202 {
			t.Errorf("id %s: %+v", id, got)
		}
	}
	if n := len(after.store.all()); n != 0 {
		t.Errorf("%d events are published again", n)
	}
	if got := after.send("3", `{"event":"a"}`); got.status != 202 || len(after.store.all()) != 1 {
		t.Errorf("a new one: %+v", got)
	}
}

func TestSourcesDoNotShareIds(t *testing.T) {
	t.Parallel()
	w := setup(t, func(o *receiver.Options) {
		other := o.Sources[0]
		other.Name = "shop-eu"
		o.Sources = append(o.Sources, other)
	})
	w.send("1", `{"event":"a"}`)
	w.do(w.request("POST", "/webhooks/shop-eu", "1", []byte(`{"event":"a"}`), nil))
	if n := len(w.store.all()); n != 2 {
		t.Errorf("%d events are stored", n)
	}
}

func TestNothingIsTakenBeforeOpen(t *testing.T) {
	t.Parallel()
	s := &store{kept: make(chan struct{}, 10)}
	w := setup(t, nil)
	o := receiver.Options{
		Sources:  []receiver.Source{{Name: "shop", Provider: "shop", Secrets: []string{secret}}},
		Verifier: newShop, Publisher: s, History: broken{}, Metrics: prometheus.NewRegistry(), Log: discard(),
	}
	var err error
	if w.receiver, err = receiver.New(o); err != nil {
		t.Fatal(err)
	}
	w.listen(t, o)
	for range 2 {
		if got := w.send("1", `{"event":"a"}`); got.status != 503 || got.code() != "bus_unavailable" {
			t.Errorf("answer %+v", got)
		}
		if err := w.receiver.Open(t.Context()); !errors.Is(err, errBroken) {
			t.Errorf("Open: %v", err)
		}
	}
}

var errBroken = errors.New("no leader")

// broken is a bus that cannot be read.
type broken struct{}

func (broken) Published(time.Time) bus.Reading {
	return func(context.Context, func(bus.Publication) error) error { return errBroken }
}

// cut is a bus that goes away after every ten publications.
type cut struct{ *store }

func (c cut) Published(since time.Time) bus.Reading {
	read, told := c.store.Published(since), 0
	return func(ctx context.Context, each func(bus.Publication) error) error {
		return read(ctx, func(p bus.Publication) error {
			if told++; told%10 == 0 {
				return errBroken
			}
			return each(p)
		})
	}
}

func TestOpenGoesOnWhereTheBusWentAway(t *testing.T) {
	t.Parallel()
	before := setup(t, nil)
	for n := range 25 {
		before.send(fmt.Sprint(n), `{"event":"a"}`)
	}
	o := receiver.Options{
		Sources:  []receiver.Source{{Name: "shop", Provider: "shop", Secrets: []string{secret}}},
		Verifier: newShop, Publisher: before.store, History: cut{before.store}, Metrics: prometheus.NewRegistry(), Log: discard(),
	}
	after, err := setup(t, nil), error(nil)
	if after.receiver, err = receiver.New(o); err != nil {
		t.Fatal(err)
	}
	after.listen(t, o)
	cuts := 0
	for err = after.receiver.Open(t.Context()); errors.Is(err, errBroken) && cuts < 10; err = after.receiver.Open(t.Context()) {
		cuts++
	}
	if err != nil || cuts != 2 {
		t.Errorf("Open after %d cuts: %v", cuts, err)
	}
	for n := range 25 {
		after.send(fmt.Sprint(n), `{"event":"a"}`)
	}
	if n := len(before.store.all()); n != 25 {
		t.Errorf("%d events are stored, 25 of them once: a repeat was not recognised", n)
	}
}

func TestCloseWaitsForRequestsInHand(t *testing.T) {
	t.Parallel()
	release, entered := make(chan struct{}), make(chan struct{})
	w := setup(t, nil)
	w.store.before = func(context.Context, *event.Event) error {
		close(entered)
		<-release
		return nil
	}
	inHand := make(chan answer, 1)
	q := w.request("POST", "/webhooks/shop", "1", []byte(`{"event":"a"}`), nil)
	go func() { inHand <- w.do(q) }()
	<-entered
	short, cancel := context.WithCancel(t.Context())
	cancel()
	if err := w.receiver.Close(short); !errors.Is(err, context.Canceled) {
		t.Errorf("Close with a request in hand: %v", err)
	}
	closed := make(chan error, 1)
	go func() { closed <- w.receiver.Close(t.Context()) }()
	close(release)
	if got := <-inHand; got.status != 202 {
		t.Errorf("the request in hand: %+v", got)
	}
	if err := <-closed; err != nil {
		t.Errorf("Close: %v", err)
	}
	got := w.send("2", `{"event":"a"}`)
	if got.status != 503 || got.code() != "stopping" || got.header.Get("Retry-After") == "" {
		t.Errorf("after Close: %+v", got)
	}
}

func TestReplaceDropsNothing(t *testing.T) {
	t.Parallel()
	w := setup(t, nil)
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-stop:
					return
				default:
				}
				if got := w.send(fmt.Sprint(i, "-", n), `{"event":"a"}`); got.status != 202 {
					t.Errorf("answer %+v", got)
					return
				}
			}
		})
	}
	shop := receiver.Source{Name: "shop", Provider: "shop", Secrets: []string{secret}}
	added := receiver.Source{Name: "added", Provider: "shop", Secrets: []string{secret}}
	for range 100 {
		for _, sources := range [][]receiver.Source{{shop, added}, {shop}} {
			if err := w.receiver.Replace(sources); err != nil {
				t.Error(err)
			}
		}
	}
	close(stop)
	wg.Wait()
	if err := w.receiver.Replace([]receiver.Source{shop, {Name: "Bad Name"}}); err == nil {
		t.Error("a bad source was taken")
	}
	if got := w.send("last", `{"event":"a"}`); got.status != 202 {
		t.Errorf("after a refused Replace: %+v", got)
	}
	w.send("last", `{"event":"a"}`)
	if n := w.counted("hookspan_intake_requests_total", "source", "shop", "outcome", "repeated"); n != 1 {
		t.Errorf("repeated counted %v", n)
	}
}

func TestRefusalsAreBounded(t *testing.T) {
	t.Parallel()
	w := setup(t, nil)
	const requests = 300
	forged := http.Header{"X-Signature": {"00"}}
	for range requests {
		if got := w.do(w.request("POST", "/webhooks/shop", "1", []byte("{}"), forged)); got.status != 403 {
			t.Fatalf("answer %+v", got)
		}
	}
	suppressed := w.counted("hookspan_refusals_suppressed_total")
	w.stop() // Run writes what is queued before it returns
	kept := len(w.refusals(0))
	if kept < 50 || kept+int(suppressed) != requests {
		t.Errorf("%d kept and %v suppressed of %d", kept, suppressed, requests)
	}
	if n := strings.Count(w.log.String(), "request refused"); n != kept {
		t.Errorf("%d log lines for %d refusals", n, kept)
	}
	if strings.Contains(w.log.String(), secret) {
		t.Error("the log holds the secret")
	}
}
