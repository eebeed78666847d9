package dispatch_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/delivery"
	"github.com/hookspan/hookspan/bridge/dispatch/dispatchtest"
	"github.com/hookspan/hookspan/bridge/endpoint"
	"github.com/hookspan/hookspan/bridge/event"
)

// large makes an event's attributes many times what the bus takes in a record: each < is six
// bytes of one.
func large(n int, typ string) event.Event {
	e := dispatchtest.Event(n, typ)
	e.Source, e.Subject = "/"+strings.Repeat("%3C", 60_000), strings.Repeat("<", 190_000)
	return e
}

const narrow = 64 << 10 // bytes that the bus takes

// Events of large attributes are delivered, tried again and given up like all others, over a kill,
// and hold nothing up.
func TestLargeAttributesHoldNothingUp(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		const last = 20
		failing := true
		w.answer = func(endpoint, _ string, _ int) delivery.Response {
			if endpoint == "dead" || failing {
				return delivery.Response{Status: 500, Reason: delivery.ReasonStatus, Body: strings.Repeat("<", 4<<10)}
			}
			return delivery.Response{Status: 200}
		}
		p := w.start(t, shards)
		p.client.Set(dispatchtest.Faults{Most: narrow})
		p.register(t, "crm", func(e *endpoint.Endpoint) { e.Events = []string{"a"} })
		p.register(t, "dead", func(e *endpoint.Endpoint) { e.Events, e.Schedule = []string{"b"}, endpoint.Waits(time.Second) })
		for n := 1; n <= last; n++ {
			w.store.Publish(dispatchtest.Partition, large(n, "a"))
		}
		for n := last + 1; n <= last+3; n++ {
			w.store.Publish(dispatchtest.Partition, large(n, "b"))
		}
		pass(2 * time.Second)
		p.kill()
		<-p.done
		w.mu.Lock()
		failing = false
		w.mu.Unlock()
		q := w.launch(shards)
		q.client.Set(dispatchtest.Faults{Most: narrow})
		if err := q.prepare(); err != nil {
			t.Fatal(err)
		}
		q.run()
		w.publish(last+4, last+6, "a")
		pass(30 * time.Second)
		for n := 1; n <= last+6; n++ {
			if got := w.delivered("crm", id(n)); got != 1 && (n <= last || n > last+3) {
				t.Errorf("event %d was delivered %d times", n, got)
			}
		}
		if err := q.stop(); err != nil {
			t.Error(err)
		}
		letters := map[string]bool{}
		for _, m := range w.store.Published() {
			if m.Topic == "dead" && m.Event.Extension(delivery.ExtensionEndpoint) == "dead" {
				letters[m.Event.ID] = true
			}
		}
		if len(letters) != 3 {
			t.Errorf("%d events have dead letters", len(letters))
		}
	})
}

// An operator's commands about them are halved until the bus takes them.
func TestCommandsAboutManyFitTheBus(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		const last = 8
		w.answer = func(string, string, int) delivery.Response { return failure }
		p := w.start(t, shards)
		p.register(t, "crm", func(e *endpoint.Endpoint) { e.Schedule = endpoint.Waits(time.Hour) })
		for n := 1; n <= last; n++ {
			w.store.Publish(dispatchtest.Partition, large(n, "a"))
		}
		pass(5 * time.Second)
		p.client.Set(dispatchtest.Faults{Most: narrow / 4})
		c := delivery.Command{Kind: delivery.RetryNow}
		for _, waits := range p.dispatcher.Waiting(func(*delivery.Entry) bool { return true }) {
			c.Entries = append(c.Entries, waits.Entry)
		}
		if err := p.dispatcher.Command(t.Context(), c); err != nil || len(c.Entries) != last {
			t.Fatalf("%d wait, %v", len(c.Entries), err)
		}
		if n := len(w.store.Records(bus.LogName{Kind: bus.Commands})); n < 2 {
			t.Errorf("%d commands", n)
		}
		pass(5 * time.Second)
		if n := w.posted(); n != 2*last {
			t.Errorf("%d requests, want two for each", n)
		}
		p.stop()
	})
}

// A retry finds the event whose id its reference has short.
func TestEventsAreKnownByLongIDs(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.answer = func(_, _ string, attempt int) delivery.Response {
			if attempt == 1 {
				return failure
			}
			return delivery.Response{Status: 200}
		}
		p := w.start(t, shards)
		p.register(t, "crm", nil)
		long := strings.Repeat("i", 3000)
		for n := range 2 { // they differ in the end
			w.store.Publish(dispatchtest.Partition, dispatchEvent(long+fmt.Sprint(n), "a"))
		}
		pass(10 * time.Second)
		for n := range 2 {
			if got := w.delivered("crm", long+fmt.Sprint(n)); got != 1 {
				t.Errorf("event %d was delivered %d times", n, got)
			}
		}
		p.stop()
	})
}
