package dispatch

import (
	"testing"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/endpoint"
	"github.com/hookspan/hookspan/bridge/event"
	"github.com/hookspan/hookspan/bridge/ops"
)

// reports are the operations events of a type, in their order.
func (r *rig) reports(kind ops.Type) (all []*event.Event) {
	for _, m := range r.store.Published() {
		if m.Topic == "ops" && m.Event.Type == string(kind) {
			all = append(all, m.Event)
		}
	}
	return all
}

func TestNearlyFullIsToldOnceAnHour(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		look := func(room bus.Room) []*event.Event {
			r.store.SetRoom(room)
			r.must(r.d.purger.MakeRoom(t.Context()))
			elapse(second)
			return r.reports(ops.StoreNearlyFull)
		}
		full := bus.Room{Used: 99, Limit: 100, Reserved: 5}
		if told := look(bus.Room{Used: 99}); len(told) != 0 {
			t.Errorf("told %d times of a store whose limit is not ours", len(told))
		}
		if told := look(bus.Room{Used: 50, Limit: 100}); len(told) != 0 {
			t.Errorf("told %d times of a store that is half full", len(told))
		}
		for range 5 {
			look(full)
			look(bus.Room{Used: 50, Limit: 100})
		}
		told := look(full)
		if len(told) != 1 || string(told[0].Data) != `{"used":99,"limit":100,"reserved":5}` {
			t.Fatalf("told %v", told)
		}
		elapse(time.Hour)
		told = look(full)
		if len(told) != 2 || told[0].ID == told[1].ID {
			t.Errorf("an hour later told %v", told)
		}
		// A store is no endpoint's affair.
		l := r.register("crm", nil)
		m := bus.Message{Topic: "ops", Partition: "ops", Position: bus.Position{Identity: "i", Seq: 1}, Event: told[0]}
		if v, err := r.d.judge(l.ep, &m); v != endpoint.Taken || err != nil {
			t.Errorf("judged %v, %v", v, err)
		}
	})
}

// What was on its way when an endpoint was disabled does not make it well again.
func TestDisabledRecoversOnceItIsEnabled(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		l := r.register("crm", nil)
		r.out.holds(true)
		r.publish(1, 2, "a")
		r.feed()
		r.answer(410, 1)
		r.apply()
		r.answer(200, 2)
		if bad, well := len(r.reports(ops.EndpointDisabled)), len(r.reports(ops.EndpointRecovered)); bad != 1 || well != 0 {
			t.Fatalf("told %d disabled and %d recovered", bad, well)
		}
		r.takeover() // nothing of it was in a delta
		r.out.holds(true)
		r.state(l.ep.ID, endpoint.Enabled)
		r.publish(3, 3, "a")
		r.feed()
		r.catchUp()
		r.answer(200, 3)
		if n := len(r.reports(ops.EndpointRecovered)); n != 1 {
			t.Errorf("told %d times that it is well again, want once", n)
		}
	})
}
