package kafka

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
)

// batchMessages is the most that is handed over at once.
const batchMessages = 512

var errClosed = fmt.Errorf("%w: it was closed", bus.ErrUnavailable)

// Follow implements bus.Topics (T2, T3, T6). It outlives brokers that go away and leaders that
// move; each time, it asks the leader whether its place still is what it was.
func (s *Store) Follow(ctx context.Context, p bus.Partition, after bus.Position, deliver func([]bus.Message) error) error {
	topic, n, ok := splitPartition(p)
	if !ok {
		return fmt.Errorf("follow: there is no partition %q", p)
	}
	f := &follower{s: s, topic: topic, n: n, partition: p, place: after, deliver: deliver}
	return s.persist(ctx, func(ctx context.Context) (moved bool, err error) {
		before := f.place
		err = f.run(ctx)
		if !errors.Is(err, bus.ErrUnavailable) {
			err = fmt.Errorf("follow %s: %w", p, err)
		}
		return f.place != before, err
	})
}

// A refusal is an error of whoever records are handed to, which ends it all.
type refusal struct{ error }

// persist does something again and again until ctx ends, it returns a refusal, or the error is
// another than bus.ErrUnavailable, with longer and longer pauses while it does not move.
func (s *Store) persist(ctx context.Context, do func(context.Context) (moved bool, err error)) error {
	for pause := retryFirst; ; pause = min(2*pause, retryMost) {
		moved, err := do(ctx)
		refused, ok := errors.AsType[refusal](err)
		switch {
		case ok:
			return refused.error
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case !errors.Is(err, bus.ErrUnavailable):
			return err
		}
		if moved {
			pause = retryFirst
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-s.closed:
			return errClosed
		}
	}
}

// A follower is one call of Follow.
type follower struct {
	s         *Store
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
	r := f.s.link.reader(sp, next)
	defer r.close()
	for {
		records, atEnd, err := r.more(ctx)
		if err != nil {
			return err
		}
		for some := range slices.Chunk(records, batchMessages) {
			batch := make([]bus.Message, 0, len(some))
			for _, r := range some {
				batch = append(batch, message(f.partition, sp.identity, r))
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
		return refusal{err}
	}
	return nil
}

// check asks the leader whether the place still lies in this partition, and returns where to
// read on.
func (f *follower) check(ctx context.Context) (sp spot, next int64, err error) {
	sp, err = f.s.link.spot(ctx, f.topic, f.n, time.Now())
	if err != nil {
		return sp, 0, err
	}
	if sp.identity != f.place.Identity {
		if err := f.s.link.confirm(ctx, sp); err != nil {
			return sp, 0, err
		}
		return sp, 0, fmt.Errorf("%w: its id is %s, the position names %s", bus.ErrRecreated, sp.identity, f.place.Identity)
	}
	start, end, err := f.s.link.held(ctx, sp)
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
	_, mark, err := f.s.link.newest(ctx, sp, f.place.Seq, next)
	if err != nil {
		return sp, 0, err
	}
	if mark != 0 && mark != f.place.Mark {
		return sp, 0, fmt.Errorf("%w: another event is at %d", bus.ErrCutBack, f.place.Seq)
	}
	return sp, next, nil
}
