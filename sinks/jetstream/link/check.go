package link

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/hookspan/hookspan/bridge/bus"
)

// checkReader is how often a reader that waits is held against what its stream has.
const checkReader = 2 * time.Second

// checkGaps bounds how often the leader is asked about a stream from which much was deleted.
const checkGaps = 10 * time.Millisecond

// headerSize is set on a message that is delivered without its data.
const headerSize = "Nats-Msg-Size"

// whole is nil when nothing was left out in front of a message, and nothing of it. A consumer
// that others have changed, or take messages from, may leave out both; then the stream's leader
// has what did not come.
func (r *reader) whole(ctx context.Context, got Meta, m *nats.Msg) error {
	if gap := got.Seq > r.next && len(r.reading.Filters) == 0; gap && time.Since(r.gap) > checkGaps {
		r.gap = time.Now()
		missed, err := r.l.Get(ctx, r.reading.Stream, Which{Seq: r.next, Next: ">"})
		switch {
		case errors.Is(err, bus.ErrGone): // purged since
		case err != nil:
			return err
		case missed.Seq < got.Seq:
			return fmt.Errorf("%w: message %d of stream %s did not come", readerSkipped, missed.Seq, r.reading.Stream)
		}
	}
	if r.reading.HeadersOnly || len(m.Data) > 0 || First(m.Header, headerSize) == "" {
		return nil
	}
	had, err := r.l.Get(ctx, r.reading.Stream, Which{Seq: got.Seq})
	switch {
	case errors.Is(err, bus.ErrGone):
		return nil
	case err != nil:
		return err
	case len(had.Data) > 0:
		return fmt.Errorf("%w: message %d of stream %s", readerDeprived, got.Seq, r.reading.Stream)
	}
	return nil
}

// check finds out whether the consumer still is what it was made as.
func (r *reader) check(ctx context.Context) error {
	if time.Since(r.checked) < checkReader {
		return nil
	}
	r.checked = time.Now()
	ctx, cancel := context.WithTimeout(ctx, RequestTimeout)
	defer cancel()
	c, err := r.l.JS.Consumer(ctx, r.reading.Stream, r.consumer)
	if err != nil {
		return errors.Join(errBroken, err)
	}
	return asked(r.want, c.CachedInfo())
}

// stalled asks the leader, while nothing comes, whether there is nothing. What was there at two
// looks in a row and has not come does not come any more.
func (r *reader) stalled(ctx context.Context) error {
	if time.Since(r.checked) < checkReader {
		return nil
	}
	if err := r.check(ctx); err != nil {
		return err
	}
	filters := r.reading.Filters
	if len(filters) == 0 {
		filters = []string{">"}
	}
	for _, filter := range filters {
		there, err := r.l.Get(ctx, r.reading.Stream, Which{Seq: r.next, Next: filter})
		switch {
		case errors.Is(err, bus.ErrGone):
			continue
		case err != nil:
			return err
		case r.ahead == r.next:
			return fmt.Errorf("%w: message %d of stream %s is there and does not come", readerStalled, there.Seq, r.reading.Stream)
		}
		r.ahead = r.next
		return nil
	}
	r.ahead = 0
	return nil
}
