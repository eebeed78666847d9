package jetstream

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/hookspan/hookspan/bridge/bus"
)

// Pauses between attempts to go on after the bus was away.
const (
	retryFirst = 20 * time.Millisecond
	retryMost  = 2 * time.Second
)

// Follow implements bus.Topics (T2, T3, T6). It outlives a lost connection and a restarted
// server; before it goes on it asks the leader whether its place still is what it was.
func (s *Store) Follow(ctx context.Context, p bus.Partition, after bus.Position, deliver func([]bus.Message) error) error {
	f := &follower{s: s, partition: p, place: after, deliver: deliver}
	pause := retryFirst
	for {
		before := f.place
		err := f.run(ctx)
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case f.refused != nil:
			return f.refused
		case errors.Is(err, errNoStream) || !errors.Is(err, bus.ErrUnavailable):
			return fmt.Errorf("follow %s: %w", p, err)
		}
		if f.place != before {
			pause = retryFirst
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		pause = min(2*pause, retryMost)
	}
}

// A follower is one call of Follow.
type follower struct {
	s         *Store
	partition bus.Partition
	place     bus.Position // the last message handed over
	deliver   func([]bus.Message) error
	refused   error // what deliver returned
}

// run reads from the place on until something breaks.
func (f *follower) run(ctx context.Context) error {
	info, err := f.check(ctx)
	if err != nil {
		return err
	}
	list, byServer := f.s.filters(f.s.o.Topics, info.Config)
	what := reading{stream: string(f.partition), from: uint64(max(f.place.Seq, 0)) + 1}
	if byServer {
		what.filters = list
	}
	r, err := f.s.reads.read(ctx, what)
	if err != nil {
		return err
	}
	defer r.close()
	for {
		got, err := r.batch(ctx)
		if err != nil {
			return err
		}
		batch := make([]bus.Message, 0, len(got))
		for _, d := range got {
			if byServer || matches(list, d.msg.Subject) {
				batch = append(batch, message(f.partition, f.place.Identity, d.msg.Subject, d.meta, d.msg.Header, d.msg.Data))
			}
		}
		if len(got) > 0 && len(batch) == 0 {
			continue
		}
		if err := f.deliver(batch); err != nil {
			f.refused = err
			return err
		}
		if n := len(batch); n > 0 {
			f.place = batch[n-1].Position
		}
	}
}

// check asks the leader whether the place still lies in this partition.
func (f *follower) check(ctx context.Context) (*jetstream.StreamInfo, error) {
	info, err := f.s.reads.info(ctx, string(f.partition))
	if err != nil {
		return nil, err
	}
	if err := readable(info.Config); err != nil {
		return nil, err
	}
	if id := identity(info); id != f.place.Identity {
		return nil, fmt.Errorf("%w: it was created at %s, the position names %s", bus.ErrRecreated, id, f.place.Identity)
	}
	if f.place.Seq > int64(info.State.LastSeq) {
		return nil, fmt.Errorf("%w: it ends at %d, the position is %d", bus.ErrCutBack, info.State.LastSeq, f.place.Seq)
	}
	if f.place.Mark == 0 || f.place.Seq < int64(info.State.FirstSeq) {
		return info, nil
	}
	switch m, err := f.s.reads.get(ctx, string(f.partition), which{Seq: uint64(f.place.Seq)}); {
	case errors.Is(err, bus.ErrGone): // purged since, by us or somebody else
	case err != nil:
		return nil, err
	case m.Time.UnixNano() != f.place.Mark:
		return nil, fmt.Errorf("%w: another event is at %d", bus.ErrCutBack, f.place.Seq)
	}
	return info, nil
}
