package link

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/sinks/jetstream/subject"
)

// Pauses between attempts to go on after the bus was away.
const (
	retryFirst = 20 * time.Millisecond
	RetryMost  = 2 * time.Second
)

// A Tail reads a stream from a place on and waits for more. It outlives lost connections,
// restarted servers and a stream that is missing for a while; before it goes on it asks the
// leader whether its place still is what it was.
type Tail struct {
	Link        *Link
	Stream      string
	HeadersOnly bool
	Log         *slog.Logger
	Meddled     func(err error, v ...any)
	// Filters are the patterns to read by; without byServer they pick from all that comes.
	Filters func(jetstream.StreamConfig) (list []string, byServer bool)
	Place   bus.Position // behind which to read
	// Hand takes what came, in batches, and an empty one whenever nothing is left. A batch is
	// valid until it returns.
	Hand func([]Delivered) error

	Refused error // what Hand returned
	missing bool  // and that was logged
}

// Follow returns when ctx ends, with the error of Hand, with bus.ErrRecreated or
// bus.ErrCutBack, or with an error that no retry would mend.
func (t *Tail) Follow(ctx context.Context) error {
	pause := retryFirst
	for {
		before := t.Place
		err := t.run(ctx)
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case t.Refused != nil:
			return t.Refused
		case !errors.Is(err, bus.ErrUnavailable):
			return fmt.Errorf("follow %s: %w", t.Stream, err)
		}
		t.Meddled(err, "stream", t.Stream)
		if gone := errors.Is(err, ErrNoStream); gone != t.missing {
			if t.missing = gone; gone {
				t.Log.Warn("a stream that is followed is missing, waiting for it", "stream", t.Stream)
			}
		}
		if t.Place != before {
			pause = retryFirst
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		pause = min(2*pause, RetryMost)
	}
}

// run reads from the place on until something breaks.
func (t *Tail) run(ctx context.Context) error {
	info, err := t.check(ctx)
	if err != nil {
		return err
	}
	list, byServer := t.Filters(info.Config)
	what := Reading{Stream: t.Stream, From: uint64(max(t.Place.Seq, 0)) + 1, HeadersOnly: t.HeadersOnly}
	if byServer {
		what.Filters = list
	}
	r, err := t.Link.Read(ctx, what)
	if err != nil {
		return err
	}
	defer r.Close()
	for {
		got, err := r.Batch(ctx)
		if err != nil {
			return err
		}
		end := t.Place
		if n := len(got); n > 0 {
			end.Seq, end.Mark = int64(got[n-1].Seq), got[n-1].Time
		}
		wanted := got
		if !byServer {
			wanted = got[:0]
			for _, d := range got {
				if subject.Matches(list, d.Msg.Subject) {
					wanted = append(wanted, d)
				}
			}
		}
		if len(wanted) > 0 || len(got) == 0 {
			if err := t.Hand(wanted); err != nil {
				t.Refused = err
				return err
			}
		}
		t.Place = end // also behind what is not wanted: reading that begins anew gets on
	}
}

// check asks the leader whether the place still lies in this stream.
func (t *Tail) check(ctx context.Context) (*jetstream.StreamInfo, error) {
	info, err := t.Link.Info(ctx, t.Stream)
	if err != nil {
		return nil, err
	}
	if err := Readable(info.Config); err != nil {
		return nil, err
	}
	if id := Identity(info); id != t.Place.Identity {
		return nil, fmt.Errorf("%w: it was created at %s, the position names %s", bus.ErrRecreated, id, t.Place.Identity)
	}
	if t.Place.Seq > int64(info.State.LastSeq) {
		return nil, fmt.Errorf("%w: it ends at %d, the position is %d", bus.ErrCutBack, info.State.LastSeq, t.Place.Seq)
	}
	if t.Place.Mark == 0 || t.Place.Seq < int64(info.State.FirstSeq) {
		return info, nil
	}
	switch m, err := t.Link.Get(ctx, t.Stream, Which{Seq: uint64(t.Place.Seq)}); {
	case errors.Is(err, bus.ErrGone): // purged since, by us or somebody else
	case err != nil:
		return nil, err
	case m.Time.UnixNano() != t.Place.Mark:
		return nil, fmt.Errorf("%w: another event is at %d", bus.ErrCutBack, t.Place.Seq)
	}
	return info, nil
}

// An UnreadableError: reading the stream without acknowledgement could delete from it.
type UnreadableError struct {
	stream    string
	retention jetstream.RetentionPolicy
}

func (e *UnreadableError) Error() string {
	return fmt.Sprintf("stream %s has %s retention, so reading it without acknowledgement could delete its events: "+
		"create a stream with limits retention that sources %s, and it will be followed instead", e.stream, e.retention, e.stream)
}

// Readable refuses a stream from which reading without acknowledgement would delete.
func Readable(c jetstream.StreamConfig) error {
	if c.Retention == jetstream.LimitsPolicy {
		return nil
	}
	return &UnreadableError{c.Name, c.Retention}
}
