package dispatch

import (
	"strings"
	"testing"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/statelog"
)

// damage cuts a shard's log so that no snapshot says what was in front.
func (r *rig) damage() {
	r.t.Helper()
	records := r.store.Records(stateOfShard0)
	r.must(r.store.Connect().Trim(r.t.Context(), stateOfShard0, records[len(records)-1].Pos))
}

func TestExaminationNamesDamagedShards(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		r.register("crm", nil)
		r.publish(1, 2, "a")
		r.feed()
		r.step()
		found := statelog.Examine(t.Context(), r.client, 2)
		if len(found) != 1 || found[0].Verdict != bus.Fine || !strings.Contains(found[0].Detail, "2 of 2 shards") {
			t.Fatalf("%+v, want that all is well", found)
		}
		r.damage()
		found = statelog.Examine(t.Context(), r.client, 2)
		if len(found) != 2 || found[1].Verdict != bus.Fault || found[1].Subject != "shard 0" || !strings.Contains(found[1].Remedy, "reset-shard 0") {
			t.Errorf("%+v, want shard 0 and the remedy", found)
		}
		for shard, want := range []bool{true, false} {
			if got, err := statelog.Damaged(t.Context(), r.client, shard); err != nil || got != want {
				t.Errorf("shard %d damaged: %v, %v", shard, got, err)
			}
		}
	})
}

// A shard that was begun again is owed what was stored since the time that was named, but not
// what the journal shows as done.
func TestResetShardBeginsAtATime(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		r.register("crm", nil)
		r.out.holds(true)
		r.publish(1, 2, "a") // given up by the reset
		r.feed()
		elapse(time.Minute)
		since := time.Now()
		elapse(time.Minute)
		r.publish(3, 4, "a")
		r.feed()
		r.answer(200, 3)
		r.step()
		r.kill()
		r.damage()
		r.must(statelog.Reset(t.Context(), r.store.Connect(), 0, r.reg.Set().Revision, since))
		if records := r.store.Records(stateOfShard0); len(records) != 2 {
			t.Errorf("%d records, want the new beginning alone", len(records))
		}
		r.open()
		r.out.holds(false)
		if at := r.logged().Positions[part].Seq; at != 2 {
			t.Errorf("the shard begins behind event %d, want 2", at)
		}
		r.publish(5, 5, "a")
		r.feed()
		elapse(time.Second)
		for n, want := range map[int]int{1: 0, 2: 0, 3: 0, 4: 1, 5: 1} {
			if got := r.posts(n); got != want {
				t.Errorf("event %d was sent %d times after the reset, want %d", n, got, want)
			}
		}
	})
}

// Whoever owns the shard while it is reset loses it.
func TestResetShardSupersedesItsOwner(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		r.register("crm", nil)
		r.publish(1, 3, "a")
		r.feed()
		r.step()
		r.must(statelog.Reset(t.Context(), r.store.Connect(), 0, r.reg.Set().Revision, time.Now()))
		r.publish(4, 4, "a")
		r.feed()
		if err := r.s.writer.step(t.Context()); err == nil {
			t.Error("the owner wrote behind a reset that it has not read")
		}
	})
}
