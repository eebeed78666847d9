//go:build disks || fleets

package fault_test

import (
	"strings"
	"testing"
	"time"

	"github.com/hookspan/hookspan/cmd/hookspan/fault"
)

// Kills while the whole history is replayed to an endpoint that is new, beside live traffic. At the end
// it has everything, nothing twice but what a kill excuses, and the replay's counts are exact.
func TestFaultReplay(t *testing.T) {
	t.Parallel()
	w := newWorld(t, t.TempDir(), func(url string) []string {
		return append(fault.ImpatientEnviron("steady", url+"/steady"), "HOOKSPAN_ENDPOINTS=steady")
	})
	w.oracle.Owe("steady", time.Time{})
	child := w.ready()
	stop := w.drive(12)
	fault.Pause(w.Context(), 3*time.Second)
	stop()
	history := w.settle().Accepted

	w.register("fresh", "binary", "now")
	w.oracle.Owe("fresh", time.Time{})
	w.receiver.Set(map[string]fault.Mood{"fresh": {Fail: 0.1}})
	began, err := w.site.Replay(w.within(10*time.Second), "", map[string]any{"endpoint": "fresh", "from": "all", "rate": "150/s"})
	w.must(err)
	stop = w.drive(4)
	kills := 0
	for ; kills < *rounds; kills++ {
		fault.Pause(w.Context(), time.Duration(300+w.rng.IntN(700))*time.Millisecond)
		from := time.Now()
		child.Kill()
		w.oracle.Killed(from, time.Now())
		child = w.ready()
	}
	stop()
	v := w.settle()
	if v.Unexcused > 0 {
		t.Errorf("%d deliveries were repeated without a kill:\n%s", v.Unexcused, strings.Join(v.Repeats, "\n"))
	}
	var replay fault.Replay
	if err := fault.Await(w.within(30*time.Second), 100*time.Millisecond, func() bool {
		replay, err = w.site.Replay(w.Context(), began.ID, nil)
		return err == nil && replay.State == "done"
	}); err != nil {
		t.Errorf("all has arrived, and the replay is %+v (%v)", replay, err)
	}
	if replay.Matched != history || replay.Sent != history || replay.Failed != 0 {
		t.Errorf("the replay is %+v, want %d matched and sent", replay, history)
	}
	w.figures("replay", map[string]any{"kills": kills, "history": history, "result": v, "replay": replay})
}
