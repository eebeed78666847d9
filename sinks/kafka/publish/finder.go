package publish

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/sinks/kafka/cluster"
)

const (
	// findBefore is how much earlier than it was sent a record is looked for, as clocks differ.
	findBefore = 10 * time.Second
	// Pauses before a record is looked for again, where that could not be done. Many may be in
	// doubt at once, when brokers have the most to do.
	findFirst = 100 * time.Millisecond
	findMost  = 2 * time.Second
)

// A finder looks for records at the ends of partitions. One search of a partition is on its
// way at a time, and serves all who asked before it began.
type finder struct {
	s    *Publisher
	turn chan struct{} // one slot, taken by the search that is on its way

	mu      sync.Mutex
	waiting map[bus.Partition]*search // that have not begun
}

// A search looks for some records in one partition.
type search struct {
	topic string
	n     int32
	since time.Time
	found map[[16]byte]*bus.Receipt // by sum; nil: not found
	done  chan struct{}             // closed by run, after err is written
	err   error
}

func (f *finder) init(s *Publisher) {
	f.s, f.turn, f.waiting = s, make(chan struct{}, 1), map[bus.Partition]*search{}
}

// find looks whether the record of a try has landed. That it has not is certain only once
// nobody has it any more who would send it. An error says that it is not known.
func (f *finder) find(ctx context.Context, t *try) (bus.Receipt, bool, error) {
	places := []int32{t.partition}
	if t.partition < 0 {
		all, err := f.s.cluster.Lookup(ctx, t.topic, time.Time{})
		if errors.Is(err, cluster.ErrNoTopic) {
			return bus.Receipt{}, false, nil
		}
		if err != nil {
			return bus.Receipt{}, false, err
		}
		places = places[:0]
		for n := range all.Partitions {
			places = append(places, int32(n))
		}
	}
	for _, n := range places {
		search := f.join(t, n)
		select {
		case <-search.done:
		case <-ctx.Done():
			return bus.Receipt{}, false, cluster.Ended(ctx)
		}
		if search.err != nil {
			return bus.Receipt{}, false, search.err
		}
		if r := search.found[t.sum]; r != nil {
			return *r, true, nil
		}
	}
	return bus.Receipt{}, false, nil
}

// join adds a record to a search that has not begun.
func (f *finder) join(t *try, n int32) *search {
	f.mu.Lock()
	defer f.mu.Unlock()
	place := cluster.PartitionName(t.topic, n)
	s := f.waiting[place]
	if s == nil {
		s = &search{topic: t.topic, n: n, since: t.began, found: map[[16]byte]*bus.Receipt{}, done: make(chan struct{})}
		f.waiting[place] = s
		go f.run(place, s)
	}
	if t.began.Before(s.since) {
		s.since = t.began
	}
	s.found[t.sum] = nil
	return s
}

func (f *finder) run(place bus.Partition, s *search) {
	f.turn <- struct{}{}
	defer func() { <-f.turn }()
	f.mu.Lock()
	delete(f.waiting, place)
	f.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), cluster.RequestTimeout)
	defer cancel()
	s.err = f.look(ctx, s)
	close(s.done)
}

// look reads what has come since. All that the leader has must be there to be read: what not
// all replicas have yet may stay or go.
func (f *finder) look(ctx context.Context, s *search) error {
	sp, err := f.s.cluster.Partition(ctx, s.topic, s.n, time.Time{})
	if errors.Is(err, cluster.ErrNoTopic) {
		return nil // and the record is gone with it
	}
	if err != nil {
		return err
	}
	ask := func(at int64, isolation int8) (offset int64) {
		if err == nil {
			var answer []cluster.ListedOffset
			if answer, err = f.s.cluster.Offsets(ctx, []cluster.PartitionRef{sp}, at, isolation); err == nil {
				offset = answer[0].Offset
			}
		}
		return offset
	}
	all, end := ask(cluster.Latest, cluster.Appended), ask(cluster.Latest, cluster.ReadCommitted)
	from := ask(cluster.Millis(s.since.Add(-findBefore)), cluster.ReadCommitted) // last: nothing is hidden from it
	if err != nil {
		return err
	}
	if end < all {
		return sp.Failed("look for a record", fmt.Errorf("%w: it has %d records that are not committed", bus.ErrUnavailable, all-end))
	}
	if from < 0 {
		return nil // nothing is younger
	}
	return f.s.cluster.Scan(ctx, s.topic, s.n, from, func(r *kgo.Record) error {
		sum := sumOf(r)
		if was, wanted := s.found[sum]; wanted && was == nil {
			s.found[sum] = &bus.Receipt{Partition: sp.Partition(), Position: bus.Position{Identity: sp.Identity, Seq: r.Offset}}
		}
		return nil
	})
}
