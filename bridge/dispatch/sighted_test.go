package dispatch_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/hookspan/hookspan/bridge/sighting"
)

// What a process reads for its endpoints is counted by type as it comes, whether or not anybody asks.
func TestTheLiveFeedIsCounted(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.seen = sighting.New()
		p := w.start(t, shards)
		p.register(t, "crm", nil)
		pass(time.Second)
		w.publish(1, 30, "a")
		w.publish(31, 40, "b")
		pass(10 * time.Second)
		r := w.seen.Report()
		if len(r.Types) != 2 || r.Types[0].Count != 30 || r.Types[1].Count != 10 || r.Missed != 0 || r.Since.IsZero() {
			t.Errorf("counted: %+v", r)
		}
		if err := p.stop(); err != nil {
			t.Error(err)
		}
	})
}
