package backup

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/delivery"
	"github.com/hookspan/hookspan/bridge/statelog"
)

const (
	windowEvents = 256 // that are on their way at once
	windowBytes  = 16 << 20
	publishTries = 6
	publishPause = 100 * time.Millisecond // before the second try; doubled after each
	getsAtOnce   = 16
	feedsAtOnce  = 500 // ranges in one record of a state log
)

// write publishes the events, and then writes the endpoints, what the shards have to know, and, once
// all that is durable, how many there are: without that number servers refuse what is here.
func (x *Restoration) write(ctx context.Context) error {
	x.plan, x.name = newPlan(x.endpoints), rand.Text()
	if _, err := x.registry.Starts(ctx, x.Topics); err != nil {
		return err
	}
	_, _, err := read(x.file, func(l *line) error {
		if l.Event == nil {
			return nil
		}
		x.window = append(x.window, l.Event)
		if x.bytes += l.Event.size(); len(x.window) < windowEvents && x.bytes < windowBytes {
			return nil
		}
		return x.flush(ctx)
	})
	if err == nil {
		err = x.flush(ctx)
	}
	if err != nil {
		return err
	}
	x.plan.end()
	ends, err := x.ends(ctx)
	if err != nil {
		return err
	}
	if err := x.finish(ctx); err != nil {
		return err
	}
	for _, ep := range x.endpoints {
		if err := x.registry.Import(ctx, ep.Endpoint, ep.periods(ends)); err != nil {
			return err
		}
	}
	for id := range x.Shards {
		if err := x.writeShard(ctx, id, ends); err != nil {
			return fmt.Errorf("write shard %d: %w", id, err)
		}
	}
	if err := x.store.Sync(ctx); err != nil {
		return fmt.Errorf("sync the bus: %w", err)
	}
	_, err = x.registry.Shards(ctx, x.Shards)
	return err
}

// A published event is one of a window, with where it went.
type published struct {
	*stored
	topic   string
	receipt bus.Receipt
}

// flush publishes the window, each event when the one before has its place, and plans for it in
// the order of the places.
func (x *Restoration) flush(ctx context.Context) error {
	all := make([]published, len(x.window))
	group, publishing := errgroup.WithContext(ctx)
	for i, s := range x.window {
		sent := make(chan struct{}) // closed once, by whoever publishes; received here
		once := sync.OnceFunc(func() { close(sent) })
		p := &all[i]
		p.stored, p.topic = s, x.translate.topic(s.Topic, s.Type)
		o := bus.PublishOptions{Key: fmt.Sprintf("restore %s %d", x.name, x.sent+i), Sent: once, Reserved: x.Layout.beside(s.Topic)}
		if s.Mark != "" || !o.Reserved { // a backup of an earlier version has no marks
			o.Mark = x.Mark(s.Mark, s.event(), s.Stored)
		}
		group.Go(func() (err error) {
			defer once() // what fails before it is sent has no place to wait for
			p.receipt, err = x.publish(publishing, p, o)
			return err
		})
		<-sent
	}
	if err := group.Wait(); err != nil {
		return err
	}
	x.sent += len(all)
	x.window, x.bytes = x.window[:0], 0
	slices.SortFunc(all, func(a, b published) int {
		return cmp.Or(strings.Compare(string(a.receipt.Partition), string(b.receipt.Partition)), cmp.Compare(a.receipt.Position.Seq, b.receipt.Position.Seq))
	})
	for i := range all {
		if err := x.plan.add(all[i].topic, all[i].stored, all[i].receipt); err != nil {
			return err
		}
	}
	return nil
}

// publish tries again while the bus is away. The key keeps what landed from landing twice.
func (x *Restoration) publish(ctx context.Context, p *published, o bus.PublishOptions) (bus.Receipt, error) {
	pause := publishPause
	for try := 1; ; try++ {
		r, err := x.store.Publish(ctx, p.topic, p.stored.event(), o)
		if err == nil || !errors.Is(err, bus.ErrUnavailable) || try == publishTries {
			return r, err
		}
		select {
		case <-ctx.Done():
			return r, err
		case <-time.After(pause):
			pause *= 2
		}
	}
}

// ends are those of the followed partitions, with all that was published in front of them.
func (x *Restoration) ends(ctx context.Context) (bus.Positions, error) {
	spans, err := x.store.Spans(ctx)
	if err != nil {
		return nil, fmt.Errorf("list the followed partitions: %w", err)
	}
	ends := bus.Positions{}
	for _, span := range spans {
		if span.Away {
			return nil, fmt.Errorf("%s: %w", span.Partition, bus.ErrAway)
		}
		ends[span.Partition] = span.End
	}
	for _, ep := range x.endpoints {
		for i := range ep.entries {
			if e := &ep.entries[i].Event; !ends[e.Partition].Reaches(e.Position) {
				return nil, fmt.Errorf("%s ends in front of what was published to it, or is not followed: give the settings of the servers (HOOKSPAN_TOPICS)", e.Partition)
			}
		}
		for p, f := range ep.feeds {
			if last := f.Ranges[len(f.Ranges)-1].To; !ends[bus.Partition(p)].Reaches(*last) {
				return nil, fmt.Errorf("%s ends in front of what was published to it, or is not followed: give the settings of the servers (HOOKSPAN_TOPICS)", p)
			}
		}
	}
	return ends, nil
}

// finish asks for the marks of the events that have entries: no receipt tells them.
func (x *Restoration) finish(ctx context.Context) error {
	refs := map[place]*delivery.EventRef{}
	for _, ep := range x.endpoints {
		for i := range ep.entries {
			e := &ep.entries[i].Event
			refs[place{e.Partition, e.Seq}] = e
		}
	}
	var mu sync.Mutex
	marks := map[place]int64{}
	group, asking := errgroup.WithContext(ctx)
	group.SetLimit(getsAtOnce)
	for at, ref := range refs {
		group.Go(func() error {
			m, err := x.store.Get(asking, ref.Partition, ref.Position)
			if err != nil {
				return fmt.Errorf("read an event again: %w", err)
			}
			mu.Lock()
			defer mu.Unlock()
			marks[at] = m.Position.Mark
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	now := time.Now()
	for _, ep := range x.endpoints {
		ep.finish(marks, now)
	}
	return nil
}

// writeShard writes a state log that begins at the ends. A range is named before the positions
// pass it.
func (x *Restoration) writeShard(ctx context.Context, id int, ends bus.Positions) error {
	log := statelog.New(x.store, id, x.Log, statelog.Sizes{})
	if err := log.Load(ctx); err != nil {
		return err
	}
	if err := log.Claim(ctx); err != nil {
		return err
	}
	fresh := func() *statelog.Record {
		return &statelog.Record{Revision: x.registry.Set().Revision, Journal: bus.NoPosition, Commands: bus.NoPosition, Feeds: map[string]map[string]statelog.Feed{}}
	}
	now, ranges, r := time.Now(), 0, fresh()
	last := fresh()
	last.Positions, last.HandOver = ends, true
	last.Failing, last.Held, last.Spent = map[string]int64{}, map[string]statelog.Hold{}, map[string]statelog.Spent{}
	for _, ep := range x.endpoints {
		if delivery.ShardOf(ep.ID, x.Shards) != id {
			continue
		}
		for i := range ep.entries {
			last.Put = append(last.Put, &ep.entries[i])
		}
		if ep.account.Failing != 0 {
			last.Failing[ep.ID] = ep.account.Failing
		}
		if spent := ep.account.Spent; spent.Width != 0 {
			last.Spent[ep.ID] = spent
		}
		if h, lasts := ep.held(now); lasts {
			last.Held[ep.ID] = h
		}
		for p, f := range ep.feeds {
			if r.Feeds[ep.ID] == nil {
				r.Feeds[ep.ID] = map[string]statelog.Feed{}
			}
			r.Feeds[ep.ID][p] = f
			if ranges += len(f.Ranges); ranges >= feedsAtOnce {
				if err := log.Write(ctx, r); err != nil {
					return err
				}
				ranges, r = 0, fresh()
			}
		}
	}
	last.Feeds = r.Feeds
	return log.Write(ctx, last)
}
