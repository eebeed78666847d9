package cluster

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/hookspan/hookspan/bridge/bus"
)

// ErrClosed: the clients were closed.
var ErrClosed = fmt.Errorf("%w: it was closed", bus.ErrUnavailable)

// Pauses between attempts while a broker is away.
const (
	retryFirst = 20 * time.Millisecond
	retryMost  = 500 * time.Millisecond
)

// RetryBriefly calls do until its answer is another than bus.ErrUnavailable, or time is up.
func (c *Cluster) RetryBriefly(ctx context.Context, do func(ctx context.Context) error) error {
	ctx, cancel := Bounded(ctx)
	defer cancel()
	for pause := retryFirst; ; pause = min(2*pause, retryMost) {
		err := do(ctx)
		if err == nil || !errors.Is(err, bus.ErrUnavailable) || errors.Is(err, kgo.ErrClientClosed) {
			return err
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			if cause := context.Cause(ctx); !errors.Is(cause, context.DeadlineExceeded) {
				return cause
			}
			return err
		}
	}
}

// A refusal is an error of whoever records are handed to, which ends it all.
type refusal struct{ error }

// Refuse has an error end what RetryForever does.
func Refuse(err error) error { return refusal{err} }

// RetryForever does something again and again until ctx ends, it returns a refusal, or the error is
// another than bus.ErrUnavailable, with longer and longer pauses while it does not move.
func (c *Cluster) RetryForever(ctx context.Context, do func(context.Context) (moved bool, err error)) error {
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
		case <-c.closed:
			return ErrClosed
		}
	}
}

// Ended is why a context ended, as an error of the bus unless somebody called it off.
func Ended(ctx context.Context) error {
	cause := context.Cause(ctx)
	if errors.Is(cause, context.DeadlineExceeded) {
		return fmt.Errorf("%w: no answer in time: %w", bus.ErrUnavailable, cause)
	}
	return cause
}

// Bounded gives a context a deadline that has none.
func Bounded(ctx context.Context) (context.Context, context.CancelFunc) {
	if _, ok := ctx.Deadline(); ok {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, RequestTimeout)
}
