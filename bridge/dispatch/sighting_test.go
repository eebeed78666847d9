package dispatch

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/dispatch/dispatchtest"
	"github.com/hookspan/hookspan/bridge/feed"
	"github.com/hookspan/hookspan/bridge/sighting"
)

// sightings is how many of which types were seen, and how many were missed.
func (r *rig) sightings() string {
	r.t.Helper()
	report, err := r.d.Sightings(r.t.Context(), 0)
	r.must(err)
	text := fmt.Sprintf("missed %d", report.Missed)
	for _, x := range report.Types {
		text += fmt.Sprintf(" %s:%d", x.Type, x.Count)
	}
	return text
}

func (r *rig) sees(want string) {
	r.t.Helper()
	if got := r.sightings(); got != want {
		r.t.Errorf("%s, want %s", got, want)
	}
}

// live hands a batch to what looks at everything that the live feed brings.
func (r *rig) live(from, to int64) {
	r.t.Helper()
	kept := r.store.Kept(part)
	place := func(n int64) bus.Position { return bus.Position{Identity: kept[0].Position.Identity, Seq: n} }
	r.must(r.d.inspect(r.t.Context(), nil, &feed.Batch{Partition: part, Before: place(from), End: place(to), Messages: kept[from:to]}))
}

// A process that has just begun, and reads no topics, knows what is stored.
func TestSightingsOfWhatIsStored(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		r.sees("missed 0") // of a process that nobody asks
		r.d.conf.Sightings = sighting.New()
		r.sees("missed 0")
		r.publish(1, 30, "a")
		r.publish(31, 40, "b")
		r.sees("missed 0 a:30 b:10")
		r.publish(41, 45, "c")
		r.sees("missed 0 a:30 b:10 c:5")
		r.sees("missed 0 a:30 b:10 c:5")
		r.store.Recreate(part, "second")
		r.publish(46, 47, "c")
		r.sees("missed 0 a:30 b:10 c:7")
	})
}

func TestSightingsOfALongHistory(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		r.d.conf.Sightings = sighting.New()
		r.publish(1, 500, "old")
		r.publish(501, 700, "a")
		r.sees("missed 0 a:200")
		r.publish(1, 10, "b")
		r.sees("missed 0 a:200 b:10")
		r.store.AddPartition("more", "first")
		r.store.AddPartition("others", "first")
		for n := range 150 {
			r.store.Publish("more", dispatchtest.Event(n, "c"))
		}
		r.sees("missed 0 a:200 b:10 c:100") // a share of its own, the least that there is
	})
}

// What the live feed brings counts without a question, each event once; what lies before it is looked up.
func TestSightingsOfTheLiveFeed(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		r.d.conf.Sightings = sighting.New()
		r.publish(1, 50, "a")
		r.publish(51, 60, "b")
		r.live(50, 55)
		r.live(55, 58)
		if got := r.d.conf.Sightings.Report(); got.Events != 8 {
			t.Errorf("%d events of the live feed were counted, want 8", got.Events)
		}
		r.sees("missed 0 a:50 b:10")
		r.live(58, 60)
		r.publish(61, 70, "c")
		r.live(64, 66) // the feed began anew, further on
		r.sees("missed 0 a:50 b:10 c:10")
		r.live(66, 70)
		r.sees("missed 0 a:50 b:10 c:10")
	})
}

// After a long time without a question the newest are counted, and it is said how many were not.
func TestSightingsSayWhatWasMissed(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		r.d.conf.Sightings = sighting.New()
		r.publish(1, 5, "a")
		r.sees("missed 0 a:5")
		r.publish(1, sighting.Reach+10, "b")
		r.sees(fmt.Sprintf("missed %d a:5 b:200", sighting.Reach+10-200))
	})
}

func TestNewestOfAType(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		r.publish(1, 10, "a")
		r.publish(11, 12, "b")
		r.publish(13, 3000, "a")
		look, err := r.d.NewestOf(t.Context(), "b", 5, time.Second)
		r.must(err)
		if found := look.Found; len(found) != 2 || found[0].Event.ID != "evt-12" || look.Looked != 3000 || look.Partial {
			t.Errorf("found %d, looked through %d, partial %v", len(found), look.Looked, look.Partial)
		}
		if look, err = r.d.NewestOf(t.Context(), "a", 5, time.Second); err != nil || len(look.Found) != 5 || look.Looked > 2000 {
			t.Errorf("found %d, looked through %d, %v", len(look.Found), look.Looked, err)
		}
		found := look.Found
		place := sighting.Place{Partition: part, Position: found[0].Position}
		if m, err := r.d.Stored(t.Context(), place); err != nil || m.Event.ID != "evt-3000" {
			t.Errorf("at its place is %v, %v", m.Event, err)
		}
		r.store.Expire(part, 3001)
		if _, err := r.d.Stored(t.Context(), place); !errors.Is(err, bus.ErrGone) {
			t.Errorf("of an event that has gone: %v", err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		r.d.typing <- struct{}{} // another search runs
		if look, err := r.d.NewestOf(ctx, "a", 5, time.Second); err != nil || !look.Partial || len(look.Found) > 0 {
			t.Errorf("in no time: %+v, %v", look, err)
		}
		r.publish(3001, 3001, "a")
		if found, whole := r.d.Locate(ctx, "evt-3001", nil, time.Now().Add(-time.Second)); len(found) != 1 || !whole { // it has a slot of its own
			t.Errorf("an event meanwhile: %d, %v", len(found), whole)
		}
		r.d.locating <- struct{}{}
		time.AfterFunc(time.Second, cancel)
		if _, err := r.d.NewestOf(ctx, "a", 5, time.Minute); !errors.Is(err, context.Canceled) {
			t.Errorf("while another search runs: %v", err)
		}
		if _, err := r.d.Preview(ctx, nil, 5, time.Time{}); !errors.Is(err, context.Canceled) {
			t.Errorf("a preview while another search runs: %v", err)
		}
		leave(r.d.locating)
		leave(r.d.typing)
	})
}

// What was counted a moment ago is not counted again, and what was found in time counts.
func TestSightingsAreCountedOnceInAWhile(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		r.d.conf.Sightings = sighting.New()
		counted := func(within time.Duration, want int64) {
			t.Helper()
			report, err := r.d.Sightings(t.Context(), within)
			if r.must(err); report.Events != want {
				t.Errorf("%d events, want %d", report.Events, want)
			}
		}
		r.publish(1, 5, "a")
		counted(time.Hour, 5) // nobody has counted before
		r.publish(6, 8, "a")
		r.d.typing <- struct{}{}
		counted(time.Second, 5)
		leave(r.d.typing)
		<-time.After(time.Second)
		counted(time.Minute, 5)
		counted(time.Second, 8)

		r.publish(9, 9, "a")
		<-time.After(time.Second)
		r.d.typing <- struct{}{}
		waited := make(chan struct{}) // closed by who waits while somebody else counts
		go func() {
			defer close(waited)
			counted(time.Second, 8)
		}()
		synctest.Wait()
		r.d.tallied.Store(&tallied{ended: time.Now()})
		leave(r.d.typing)
		<-waited
	})
}

// A bus that does not say what it holds is not waited for longer than counting takes.
func TestSightingsOfABusThatDoesNotAnswer(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		r.d.conf.Sightings = sighting.New()
		const late = countTime + time.Millisecond
		r.client.Set(dispatchtest.Faults{Call: func(string) error {
			<-time.After(late)
			return context.DeadlineExceeded
		}})
		begun := time.Now()
		if _, err := r.d.Sightings(t.Context(), 0); !errors.Is(err, bus.ErrUnavailable) || time.Since(begun) != late {
			t.Errorf("%v after %s", err, time.Since(begun))
		}
		begun = time.Now()
		if look, err := r.d.NewestOf(t.Context(), "a", 5, countTime); err != nil || !look.Partial || time.Since(begun) != late {
			t.Errorf("%+v, %v after %s", look, err, time.Since(begun))
		}
		r.client.Kill() // its calls end when they are given up
		begun = time.Now()
		if _, err := r.d.Sightings(t.Context(), 0); !errors.Is(err, bus.ErrUnavailable) || time.Since(begun) != countTime {
			t.Errorf("%v after %s", err, time.Since(begun))
		}
	})
}
