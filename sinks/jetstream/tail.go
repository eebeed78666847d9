package jetstream

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/sinks/jetstream/link"
)

// Pauses between attempts to go on after the bus was away.
const (
	retryFirst = 20 * time.Millisecond
	retryMost  = 2 * time.Second
)

// A tail reads a stream from a place on and waits for more. It outlives lost connections,
// restarted servers and a stream that is missing for a while; before it goes on it asks the
// leader whether its place still is what it was.
type tail struct {
	l           *link.Link
	stream      string
	headersOnly bool
	log         *slog.Logger
	meddled     func(err error, v ...any)
	// filters are the patterns to read by; without byServer they pick from all that comes.
	filters func(jetstream.StreamConfig) (list []string, byServer bool)
	place   bus.Position // behind which to read
	// hand takes what came, in batches, and an empty one whenever nothing is left. A batch is
	// valid until it returns.
	hand func([]link.Delivered) error

	refused error // what hand returned
	missing bool  // and that was logged
}

// follow returns when ctx ends, with the error of hand, with bus.ErrRecreated or
// bus.ErrCutBack, or with an error that no retry would mend.
func (t *tail) follow(ctx context.Context) error {
	pause := retryFirst
	for {
		before := t.place
		err := t.run(ctx)
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case t.refused != nil:
			return t.refused
		case !errors.Is(err, bus.ErrUnavailable):
			return fmt.Errorf("follow %s: %w", t.stream, err)
		}
		t.meddled(err, "stream", t.stream)
		if gone := errors.Is(err, link.ErrNoStream); gone != t.missing {
			if t.missing = gone; gone {
				t.log.Warn("a stream that is followed is missing, waiting for it", "stream", t.stream)
			}
		}
		if t.place != before {
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

// run reads from the place on until something breaks.
func (t *tail) run(ctx context.Context) error {
	info, err := t.check(ctx)
	if err != nil {
		return err
	}
	list, byServer := t.filters(info.Config)
	what := link.Reading{Stream: t.stream, From: uint64(max(t.place.Seq, 0)) + 1, HeadersOnly: t.headersOnly}
	if byServer {
		what.Filters = list
	}
	r, err := t.l.Read(ctx, what)
	if err != nil {
		return err
	}
	defer r.Close()
	for {
		got, err := r.Batch(ctx)
		if err != nil {
			return err
		}
		wanted := got
		if !byServer {
			wanted = got[:0]
			for _, d := range got {
				if matches(list, d.Msg.Subject) {
					wanted = append(wanted, d)
				}
			}
		}
		if len(got) > 0 && len(wanted) == 0 {
			continue
		}
		if err := t.hand(wanted); err != nil {
			t.refused = err
			return err
		}
		if n := len(wanted); n > 0 {
			t.place.Seq, t.place.Mark = int64(wanted[n-1].Seq), wanted[n-1].Time
		}
	}
}

// check asks the leader whether the place still lies in this stream.
func (t *tail) check(ctx context.Context) (*jetstream.StreamInfo, error) {
	info, err := t.l.Info(ctx, t.stream)
	if err != nil {
		return nil, err
	}
	if err := readable(info.Config); err != nil {
		return nil, err
	}
	if id := link.Identity(info); id != t.place.Identity {
		return nil, fmt.Errorf("%w: it was created at %s, the position names %s", bus.ErrRecreated, id, t.place.Identity)
	}
	if t.place.Seq > int64(info.State.LastSeq) {
		return nil, fmt.Errorf("%w: it ends at %d, the position is %d", bus.ErrCutBack, info.State.LastSeq, t.place.Seq)
	}
	if t.place.Mark == 0 || t.place.Seq < int64(info.State.FirstSeq) {
		return info, nil
	}
	switch m, err := t.l.Get(ctx, t.stream, link.Which{Seq: uint64(t.place.Seq)}); {
	case errors.Is(err, bus.ErrGone): // purged since, by us or somebody else
	case err != nil:
		return nil, err
	case m.Time.UnixNano() != t.place.Mark:
		return nil, fmt.Errorf("%w: another event is at %d", bus.ErrCutBack, t.place.Seq)
	}
	return info, nil
}
