package feed_test

import (
	"context"
	"io"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/dispatch/dispatchtest"
	"github.com/hookspan/hookspan/bridge/feed"
)

const part = dispatchtest.Partition

// Where kept places go when the partition is another one, or was cut back.
func TestTruncation(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		stored := dispatchtest.New()
		var at [11]bus.Position
		for n := 1; n <= 10; n++ {
			at[n] = stored.Publish(part, dispatchtest.Event(n, "a"))
			<-time.After(30 * time.Second)
		}
		other := func(n int) bus.Position { // what was at the place before a cut back
			p := at[n]
			p.Mark -= int64(time.Second)
			return p
		}
		beyond := func(n int64) bus.Position {
			return bus.Position{Identity: "first", Seq: n, Mark: time.Now().UnixNano()}
		}
		cases := map[string]struct {
			expired int // events that are gone from the front
			places  []bus.Position
			history []bus.Position
			ask     bus.Position
			want    int64
			same    bool
		}{
			"matches":                         {0, []bus.Position{at[7], at[3]}, nil, at[7], 7, true},
			"nothing counted yet":             {0, nil, nil, bus.Position{Identity: "first"}, 0, true},
			"recreated":                       {0, []bus.Position{{Identity: "zero", Seq: 99}}, nil, bus.Position{Identity: "zero", Seq: 99}, 0, false},
			"another incarnation beside":      {0, []bus.Position{{Identity: "zero", Seq: 99}, at[4]}, nil, at[4], 4, true},
			"after the end":                   {0, []bus.Position{beyond(12)}, []bus.Position{at[4], at[6], beyond(11)}, beyond(12), 8, true}, // the last one stored a minute before it
			"after the end, a later position": {0, []bus.Position{beyond(12)}, []bus.Position{at[4], at[9], beyond(11)}, beyond(12), 9, true},
			"after the end, an earlier place": {0, []bus.Position{beyond(12), at[3]}, []bus.Position{at[6]}, at[3], 3, true},
			"another event there":             {0, []bus.Position{other(9)}, []bus.Position{at[2], at[7], other(8)}, other(9), 7, true},
			"another event there, no history": {0, []bus.Position{other(9)}, nil, other(9), 6, true},
			"expired before it":               {6, []bus.Position{at[3]}, nil, at[3], 3, true},
			"expired, cut back":               {6, []bus.Position{beyond(12)}, []bus.Position{at[2]}, beyond(12), 8, true},
			"a place without a mark":          {0, []bus.Position{{Identity: "first", Seq: 9}}, nil, bus.Position{Identity: "first", Seq: 9}, 9, true},
			"after the end without a mark":    {0, []bus.Position{{Identity: "first", Seq: 12}, at[8]}, nil, bus.Position{Identity: "first", Seq: 12}, 8, true},
			"a mark before one without it":    {0, []bus.Position{{Identity: "first", Seq: 9}, other(8)}, []bus.Position{at[6]}, bus.Position{Identity: "first", Seq: 9}, 6, true},
		}
		for name, c := range cases {
			store := stored.Clone()
			store.Expire(part, int64(c.expired)+1)
			ps := feed.NewPartitions(store.Connect(), slog.New(slog.NewTextHandler(io.Discard, nil)))
			spans, err := ps.Spans(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			var history []bus.Positions
			for _, h := range c.history {
				history = append(history, bus.Positions{part: h})
			}
			tr, err := ps.Truncation(t.Context(), spans[0], c.places, func(context.Context) ([]bus.Positions, error) { return history, nil })
			if err != nil {
				t.Fatal(err)
			}
			if got, same := tr.Remap(c.ask); got.Seq != c.want || same != c.same || got.Identity != "first" {
				t.Errorf("%s: place %d of %s, same %v, want %d, %v", name, got.Seq, got.Identity, same, c.want, c.same)
			}
		}
	})
}

// A place that was counted after a cut back tells nothing of those that were counted before it.
func TestTruncationOfAll(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := dispatchtest.New()
		publish := func(from, to int) (at []bus.Position) {
			for n := from; n <= to; n++ {
				at = append(at, store.Publish(part, dispatchtest.Event(n, "a")))
				<-time.After(30 * time.Second)
			}
			return at
		}
		before := publish(1, 6)
		store.CutBack(part, 3)
		after := publish(11, 16) // at 4 to 9
		ps := feed.NewPartitions(store.Connect(), slog.New(slog.NewTextHandler(io.Discard, nil)))
		spans, err := ps.Spans(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		places := []bus.Position{after[5], before[4], before[5], before[1]}
		tr, err := ps.TruncationOfAll(t.Context(), spans[0], places, feed.NoHistory)
		if err != nil {
			t.Fatal(err)
		}
		if tr.Cut == nil || tr.Cut.Seq > 3 {
			t.Errorf("cut back to %v, want 3 at most: what was counted at 5 and 6 is gone", tr.Cut)
		}
		if tr, err = ps.TruncationOfAll(t.Context(), spans[0], after[2:], feed.NoHistory); err != nil || tr.Cut != nil {
			t.Errorf("cut back to %v, %v, want nothing moved: all places match", tr.Cut, err)
		}
	})
}
