package kafka

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/sinks/kafka/cluster"
)

// batchMessages is the most that is handed over at once.
const batchMessages = 512

// Follow implements bus.Topics (T2, T3, T6). It outlives brokers that go away and leaders that
// move; each time, it asks the leader whether its place still is what it was.
func (s *topicReader) Follow(ctx context.Context, p bus.Partition, after bus.Position, deliver func([]bus.Message) error) error {
	topic, n, ok := cluster.SplitPartition(p)
	if !ok {
		return fmt.Errorf("follow: there is no partition %q", p)
	}
	f := &follower{s: s, topic: topic, n: n, partition: p, place: after, deliver: deliver}
	return s.cluster.RetryForever(ctx, func(ctx context.Context) (moved bool, err error) {
		before := f.place
		err = f.run(ctx)
		if !errors.Is(err, bus.ErrUnavailable) {
			err = fmt.Errorf("follow %s: %w", p, err)
		}
		return f.place != before, err
	})
}

// A follower is one call of Follow.
type follower struct {
	s         *topicReader
	topic     string
	n         int32
	partition bus.Partition
	place     bus.Position // the last message handed over
	deliver   func([]bus.Message) error
}

// run reads from the place on until something breaks.
func (f *follower) run(ctx context.Context) error {
	sp, next, err := f.check(ctx)
	if err != nil {
		return err
	}
	r := f.s.cluster.NewReader(sp, next)
	defer r.Close()
	for {
		records, atEnd, err := r.Next(ctx)
		if err != nil {
			return err
		}
		for some := range slices.Chunk(records, batchMessages) {
			batch := make([]bus.Message, 0, len(some))
			for _, r := range some {
				batch = append(batch, message(f.partition, sp.Identity, r))
			}
			if err := f.hand(batch); err != nil {
				return err
			}
			f.place = batch[len(batch)-1].Position
		}
		if atEnd {
			if err := f.hand(nil); err != nil {
				return err
			}
		}
	}
}

func (f *follower) hand(batch []bus.Message) error {
	if err := f.deliver(batch); err != nil {
		return cluster.Refuse(err)
	}
	return nil
}

// check asks the leader whether the place still lies in this partition, and returns where to
// read on.
func (f *follower) check(ctx context.Context) (sp cluster.PartitionRef, next int64, err error) {
	sp, err = f.s.cluster.Partition(ctx, f.topic, f.n, time.Now())
	if err != nil {
		return sp, 0, err
	}
	if sp.Identity != f.place.Identity {
		if err := f.s.cluster.ConfirmID(ctx, sp); err != nil {
			return sp, 0, err
		}
		return sp, 0, fmt.Errorf("%w: its id is %s, the position names %s", bus.ErrRecreated, sp.Identity, f.place.Identity)
	}
	start, end, err := f.s.cluster.Bounds(ctx, sp)
	if err != nil {
		return sp, 0, err
	}
	next = f.place.Seq + 1
	switch {
	case next > end:
		return sp, 0, fmt.Errorf("%w: it ends at %d, the position is %d", bus.ErrCutBack, end-1, f.place.Seq)
	case next <= start:
		return sp, start, nil
	case f.place.Mark == 0:
		return sp, next, nil
	}
	_, mark, err := f.s.cluster.LastBefore(ctx, sp, f.place.Seq, next)
	if err != nil {
		return sp, 0, err
	}
	if mark != 0 && mark != f.place.Mark {
		return sp, 0, fmt.Errorf("%w: another event is at %d", bus.ErrCutBack, f.place.Seq)
	}
	return sp, next, nil
}
