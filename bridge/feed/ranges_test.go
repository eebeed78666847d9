package feed_test

import (
	"context"
	"io"
	"log/slog"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/dispatch/dispatchtest"
	"github.com/hookspan/hookspan/bridge/feed"
)

// A consumer takes n events.
type consumer struct {
	at    bus.Position
	wants int
	taken atomic.Int64
	held  atomic.Bool
}

func (c *consumer) Seize()                         { c.held.Store(true) }
func (c *consumer) Release()                       { c.held.Store(false) }
func (c *consumer) Doubtful() (bus.Position, bool) { return c.at, false }
func (c *consumer) Trust(bus.Position)             {}
func (c *consumer) Hungry() bool                   { return !c.held.Load() && int(c.taken.Load()) < c.wants }
func (c *consumer) Full() bool                     { return false }

func (c *consumer) Take(b *feed.Batch) bool {
	for _, m := range b.Messages {
		if !c.at.Reaches(m.Position) && int(c.taken.Load()) < c.wants {
			c.at = m.Position
			c.taken.Add(1)
		}
	}
	return int(c.taken.Load()) < c.wants
}

type complaints struct{ *testing.T }

func (c complaints) Warn(msg string, err error, _ ...any) { c.Errorf("%s: %v", msg, err) }

// Ranges that are near each other share a reader, and while nothing may be read none is fed.
func TestRanges(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		stored := dispatchtest.New()
		first := bus.Position{}
		for n := 1; n <= 10; n++ {
			at := stored.Publish(part, dispatchtest.Event(n, "a"))
			if n == 1 {
				first = bus.Position{Identity: at.Identity}
			}
		}
		near, far := &consumer{at: first, wants: 4}, &consumer{at: bus.Position{Identity: first.Identity, Seq: 7}, wants: 3}
		var away atomic.Bool
		away.Store(true)
		var inspected atomic.Int64
		ranges := feed.NewRanges(feed.RangesOptions{
			Partitions: feed.NewPartitions(stored.Connect(), slog.New(slog.NewTextHandler(io.Discard, nil))),
			Hungry: func() map[bus.Partition][]feed.Candidate {
				all := map[bus.Partition][]feed.Candidate{}
				for _, c := range []*consumer{far, near} {
					if c.Hungry() {
						all[part] = append(all[part], feed.Candidate{Range: c, At: c.at})
					}
				}
				return all
			},
			Admit: func(ctx context.Context) error {
				for away.Load() {
					select {
					case <-ctx.Done():
						return ctx.Err()
					case <-time.After(time.Millisecond):
					}
				}
				return nil
			},
			Inspect:    func(context.Context, *feed.Batch) error { inspected.Add(1); return nil },
			Recheck:    func(context.Context, bus.Partition) error { return nil },
			Reach:      5,
			Complaints: complaints{t},
		})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{}) // closed when Run has returned
		go func() { defer close(done); ranges.Run(ctx) }()
		<-time.After(10 * time.Second)
		if n := near.taken.Load() + far.taken.Load() + inspected.Load(); n != 0 {
			t.Errorf("%d events were read while nothing may be", n)
		}
		away.Store(false)
		<-time.After(3 * time.Second)
		cancel()
		<-done
		if near.taken.Load() != 4 || far.taken.Load() != 3 || near.held.Load() || far.held.Load() {
			t.Errorf("taken %d and %d, want 4 and 3, and no range held by a reader that has ended", near.taken.Load(), far.taken.Load())
		}
	})
}
