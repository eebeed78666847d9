package fault_test

import (
	"context"
	"crypto/sha256"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/hookspan/hookspan/cmd/hookspan/fault"
)

// publish puts events straight on the bus, as any service would, until stop is called: in
// binary and in structured mode. It never sends one twice, so what was not acknowledged may
// arrive or not.
func (w *world) publish(every time.Duration) (stop func()) {
	w.Helper()
	nc, err := nats.Connect("nats://"+w.site.Bus, nats.RetryOnFailedConnect(true), nats.MaxReconnects(-1),
		nats.ReconnectWait(20*time.Millisecond), nats.ReconnectBufSize(-1),
		nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {})) // kills are expected
	w.must(err)
	w.Cleanup(nc.Close)
	js, err := jetstream.New(nc)
	w.must(err)
	ctx, cancel := context.WithCancel(w.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(every)
		defer tick.Stop()
		for n := 1; ; n++ {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				if nc.IsConnected() {
					w.publishOne(js, n)
				}
			}
		}
	}()
	stop = func() { cancel(); <-done }
	w.Cleanup(stop)
	return stop
}

// lines are those that what services publish stands in, by its number.
const lines = 8

func lineOf(k fault.Key) (line string, n int) {
	_, number, ours := strings.Cut(k.ID, "-")
	n, err := strconv.Atoi(number)
	if !ours || err != nil || k.Source != "/services/orders" {
		return "", 0
	}
	return fmt.Sprint("line ", n%lines), n
}

func (w *world) publishOne(js jetstream.JetStream, n int) {
	key := fault.Key{Source: "/services/orders", ID: fmt.Sprintf("%x-%d", w.seed, n)}
	data := fmt.Appendf(nil, `{"number":%d,"line":%d}`, n, n%lines)
	m := nats.NewMsg("hookspan.events.orders.placed")
	if m.Data = data; n%2 == 0 {
		m.Header.Set("ce-specversion", "1.0")
		m.Header.Set("ce-id", key.ID)
		m.Header.Set("ce-source", key.Source)
		m.Header.Set("ce-type", "com.example.order.placed")
		m.Header.Set("content-type", "application/json")
	} else {
		m.Header.Set("content-type", "application/cloudevents+json")
		m.Data = fmt.Appendf(nil, `{"specversion":"1.0","id":%q,"source":%q,"type":"com.example.order.placed","datacontenttype":"application/json","data":%s}`,
			key.ID, key.Source, data)
	}
	ctx, cancel := context.WithTimeout(w.Context(), time.Second)
	defer cancel()
	w.oracle.Sending(key, sha256.Sum256(data), time.Now())
	if _, err := js.PublishMsg(ctx, m, jetstream.WithRetryAttempts(0)); err == nil {
		w.oracle.Accepted(key, time.Now())
	}
}
