package dispatch_test

import (
	"encoding/json"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hookspan/hookspan/bridge/delivery"
	"github.com/hookspan/hookspan/bridge/endpoint"
	"github.com/hookspan/hookspan/bridge/event"
	"github.com/hookspan/hookspan/bridge/ops"
)

// reports are the operations events of a type, in their order.
func (w *world) reports(kind ops.Type) (all []*event.Event) {
	for _, m := range w.store.Published() {
		if m.Topic == "ops" && m.Event.Type == string(kind) {
			all = append(all, m.Event)
		}
	}
	return all
}

// moody is a world whose receivers fail as long as it is told to be bad.
func moody(t *testing.T) (w *world, bad func(bool)) {
	w = newWorld(t)
	now := true
	w.answer = func(string, string, int) delivery.Response {
		if now {
			return failure
		}
		return delivery.Response{Status: 200}
	}
	return w, func(b bool) {
		w.mu.Lock()
		defer w.mu.Unlock()
		now = b
	}
}

func TestRecoveryIsToldOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, bad := moody(t)
		p := w.start(t, shards)
		crm := p.register(t, "crm", func(e *endpoint.Endpoint) { e.Schedule, e.Tenant = endpoint.Schedule{}, "acme" })
		take := func(n int) {
			e := dispatchEvent(id(n), "a")
			e.SetExtension("tenant", "acme")
			w.store.Publish("events", e)
			pass(2 * time.Second)
		}
		recovered := func(want int) []*event.Event {
			t.Helper()
			all := w.reports(ops.EndpointRecovered)
			if len(all) != want {
				t.Fatalf("told %d times that it is well again, want %d", len(all), want)
			}
			return all
		}
		bad(false)
		take(1)
		recovered(0)
		bad(true)
		take(2)
		first := w.reports(ops.DeliveryExhausted)
		take(3)
		recovered(0)
		bad(false)
		take(4)
		take(5)
		told := recovered(1)[0]
		var data ops.Recovered
		if err := json.Unmarshal(told.Data, &data); err != nil {
			t.Fatal(err)
		}
		if told.Subject != "crm" || told.Extension("tenant") != "acme" || data.Endpoint != crm.ID || data.Name != "crm" || !data.Since.Equal(first[0].Time) {
			t.Errorf("told %+v: %s; the first bad thing was told at %v", told, told.Data, first[0].Time)
		}
		bad(true)
		take(6)
		bad(false)
		take(7)
		recovered(2)
		p.stop()
	})
}

// What was told is known to a successor, also to that of an owner which was killed before its delta.
func TestRecoveryAfterATakeover(t *testing.T) {
	t.Parallel()
	for name, live := range map[string]time.Duration{"before its delta": 60 * time.Millisecond, "behind its delta": 3 * time.Second} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w, bad := moody(t)
				p := w.start(t, shards)
				next := func() {
					p.kill()
					<-p.done
					p = w.start(t, shards)
				}
				p.register(t, "crm", tryOnce)
				pass(2 * time.Second)
				w.publish(1, 1, "a")
				pass(live)
				next()
				bad(false)
				pass(2 * time.Second)
				w.publish(2, 2, "a")
				pass(live)
				next()
				w.publish(3, 3, "a")
				pass(5 * time.Second)
				if bad, well := len(w.reports(ops.DeliveryExhausted)), len(w.reports(ops.EndpointRecovered)); bad != 1 || well != 1 {
					t.Errorf("told %d exhausted and %d recovered, want one of each", bad, well)
				}
				p.stop()
			})
		})
	}
}

// An endpoint that fails what is told about others was not told to be unwell.
func TestRecoveryIsOfWhatWasTold(t *testing.T) {
	t.Parallel()
	for _, topic := range []string{"ops", "alerts"} {
		t.Run(topic, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w, bad := moody(t)
				w.topics = []string{">"}
				w.store.AddPartition(partition(topic), "first")
				p := w.start(t, shards)
				p.register(t, "alert", func(e *endpoint.Endpoint) { e.Schedule, e.Topics = endpoint.Schedule{}, []string{topic} })
				report := func(id string) {
					e := dispatchEvent(id, string(ops.DeliveryExhausted))
					e.Source, e.Subject = ops.Source, "crm"
					w.store.Publish(partition(topic), e)
					pass(2 * time.Second)
				}
				report("first")
				p.kill() // the journal alone tells of it
				<-p.done
				p = w.start(t, shards)
				bad(false)
				report("second")
				if told := w.toldOf(); len(told) != 0 || w.posted() != 2 {
					t.Errorf("told %v after %d requests, want nothing of two", told, w.posted())
				}
				p.stop()
			})
		})
	}
}
