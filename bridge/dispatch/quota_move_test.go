package dispatch_test

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hookspan/hookspan/bridge/endpoint"
	"github.com/hookspan/hookspan/bridge/setting"
)

// Through kills and moves no receiver ever gets more within an interval than its limit, and it gets
// most of it.
func TestAttemptsLimitAcrossKillsAndMoves(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.answer = onceBad
		p := w.start(t, shards)
		limit := setting.Quota{Count: 10, Per: time.Minute}
		p.register(t, "crm", func(e *endpoint.Endpoint) { e.AttemptsLimit = limit })
		w.publish(1, 200, "a")
		for i := range 9 {
			pass(37 * time.Second)
			if i%3 == 0 {
				p.kill()
				<-p.done
			} else if err := p.stop(); err != nil {
				t.Fatal(err)
			}
			p = w.start(t, shards)
		}
		pass(time.Minute)
		p.stop()
		var at []time.Time
		for _, x := range w.all() {
			at = append(at, x.at)
		}
		slices.SortFunc(at, time.Time.Compare)
		for i := limit.Count; i < len(at); i++ {
			if gap := at[i].Sub(at[i-limit.Count]); gap < limit.Per {
				t.Errorf("eleven attempts within %v", gap)
			}
		}
		if len(at) < 50 { // of 65
			t.Errorf("%d attempts in 6.5 minutes", len(at))
		}
	})
}
