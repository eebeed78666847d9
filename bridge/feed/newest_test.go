package feed_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/dispatch/dispatchtest"
	"github.com/hookspan/hookspan/bridge/feed"
)

// everything is followed.
type everything struct{}

func (everything) Takes(bus.Partition, bus.Position, string) bool { return true }

// stored are partitions with events of types that are a for most, and b for every hundredth.
func stored(t *testing.T, partitions, events int) (*feed.Partitions, *dispatchtest.Store) {
	t.Helper()
	store := dispatchtest.New()
	for n := 1; n < partitions; n++ {
		store.AddPartition(bus.Partition(fmt.Sprint("more-", n)), "first")
	}
	for n := 1; n <= events; n++ {
		kind := "a"
		if n%100 == 0 {
			kind = "b"
		}
		p := part
		if k := n % partitions; k > 0 {
			p = bus.Partition(fmt.Sprint("more-", k))
		}
		store.Publish(p, dispatchtest.Event(n, kind))
		<-time.After(time.Millisecond)
	}
	ps := feed.NewPartitions(store.Connect(), slog.New(slog.DiscardHandler))
	ps.Begin(everything{}, nil, true)
	return ps, store
}

func ids(found []bus.Message) string {
	var all []string
	for _, m := range found {
		all = append(all, strings.TrimPrefix(m.Event.ID, "evt-"))
	}
	return strings.Join(all, " ")
}

func TestNewest(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		one, _ := stored(t, 1, 1500)
		two, _ := stored(t, 2, 1500)
		kind := func(k string) func(*bus.Message) bool {
			return func(m *bus.Message) bool { return m.Event.Type == k }
		}
		for name, c := range map[string]struct {
			ps   *feed.Partitions
			ask  feed.Quest
			want string
		}{
			"all":                       {one, feed.Quest{Most: 3}, "1500 1499 1498"},
			"of two":                    {two, feed.Quest{Most: 3}, "1500 1499 1498"},
			"of a type":                 {one, feed.Quest{Most: 3, Wants: kind("b")}, "1500 1400 1300"},
			"of a type in two":          {two, feed.Quest{Most: 3, Wants: kind("b")}, "1500 1400 1300"},
			"far back":                  {one, feed.Quest{Most: 100, Wants: func(m *bus.Message) bool { return m.Event.ID == "evt-7" }}, "7"},
			"no further than is looked": {one, feed.Quest{Most: 100, Wants: kind("b"), Look: 250}, "1500 1400 1300"},
			"divided by two":            {two, feed.Quest{Most: 100, Wants: kind("b"), Look: 500}, "1500 1400 1300 1200 1100"},
			"of no type":                {one, feed.Quest{Most: 3, Wants: kind("c")}, ""},
		} {
			found, err := c.ps.Newest(t.Context(), c.ask)
			if got := ids(found); got != c.want || err != nil {
				t.Errorf("%s: %s, want %s, %v", name, got, c.want, err)
			}
		}
		found, err := one.Newest(t.Context(), feed.Quest{Most: 10_000})
		if err != nil || len(found) != 1500 {
			t.Errorf("all: %d, %v", len(found), err)
		}
		long, _ := stored(t, 1, 3000)
		ctx, cancel := context.WithCancel(t.Context())
		n := 0
		found, err = long.Newest(ctx, feed.Quest{Most: 100, Wants: func(m *bus.Message) bool {
			if n++; n == 1100 {
				cancel()
			}
			return m.Event.Type == "b"
		}})
		if got := ids(found); !errors.Is(err, context.Canceled) || got != "3000 2900 2800 2700 2600 2500 2400 2300 2200 2100" {
			t.Errorf("of a window that was not finished: %s, %v", got, err)
		}
	})
}

// What is found takes bounded room, and the newest stays.
func TestNewestKeepsToItsRoom(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := dispatchtest.New()
		for n := 1; n <= 60; n++ {
			e := dispatchtest.Event(n, "a")
			e.Data = make([]byte, 1<<20)
			store.Publish(part, e)
		}
		ps := feed.NewPartitions(store.Connect(), slog.New(slog.DiscardHandler))
		ps.Begin(everything{}, nil, true)
		found, err := ps.Newest(t.Context(), feed.Quest{Most: 60, Bytes: 5<<20 + 1<<19})
		if got := ids(found); got != "60 59 58 57 56" || err != nil {
			t.Errorf("%s, %v", got, err)
		}
		found, err = ps.Newest(t.Context(), feed.Quest{Most: 4, Bytes: 5<<20 + 1<<19})
		if got := ids(found); got != "60 59 58 57" || err != nil {
			t.Errorf("%s, %v", got, err)
		}
	})
}

// An event that is larger than the room is found, and nothing behind it where no room is left.
func TestNewestFindsOneHoweverLarge(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := dispatchtest.New()
		for n := 1; n <= 1500; n++ {
			e := dispatchtest.Event(n, "a")
			if n == 1 || n == 2 || n == 1500 {
				e = dispatchtest.Event(n, "large")
				e.Data = make([]byte, 3<<20)
			}
			store.Publish(part, e)
		}
		ps := feed.NewPartitions(store.Connect(), slog.New(slog.DiscardHandler))
		ps.Begin(everything{}, nil, true)
		size := 0
		ask := feed.Quest{Most: 3, Bytes: 2 << 20, Wants: func(m *bus.Message) bool {
			size = m.Size
			return m.Event.Type == "large"
		}}
		found, err := ps.Newest(t.Context(), ask)
		if got := ids(found); got != "1500" || err != nil {
			t.Errorf("larger than the room: %s, %v", got, err)
		}
		ask.Bytes = size
		if found, err = ps.Newest(t.Context(), ask); ids(found) != "1500" || err != nil {
			t.Errorf("as large as the room: %s, %v", ids(found), err)
		}
	})
}

// Batches of what is stored follow one another from the one place to the other.
func TestStored(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ps, store := stored(t, 1, 50)
		store.Expire(part, 11)
		spans, err := ps.Spans(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct{ from, to, first, last int64 }{{10, 50, 11, 50}, {20, 31, 21, 31}, {49, 50, 50, 50}, {50, 50, 0, 0}, {60, 50, 0, 0}, {10, 60, 11, 50}} {
			place, got := c.from, []int64{}
			err := ps.Stored(t.Context(), spans[0], c.from, c.to, func(b *feed.Batch) {
				if b.Before.Seq != place || b.End.Identity != spans[0].Identity {
					t.Errorf("a batch from %v to %v behind %d", b.Before, b.End, place)
				}
				place = b.End.Seq
				for _, m := range b.Messages {
					got = append(got, m.Position.Seq)
				}
			})
			if err != nil || place != max(c.from, c.to) {
				t.Errorf("%+v: up to %d, %v", c, place, err)
			}
			if n := len(got); c.first != 0 && (n == 0 || got[0] != c.first || got[n-1] != c.last || int64(n) != c.last-c.first+1) || c.first == 0 && n > 0 {
				t.Errorf("%+v: %v", c, got)
			}
		}
	})
}
