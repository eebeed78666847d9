package receiver

import (
	"context"
	"fmt"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
)

// Open reads the ids of the dedup window from the history and then lets requests in. What
// other processes publish meanwhile and after that is for Run to follow.
func (r *Receiver) Open(ctx context.Context) error {
	began := time.Now()
	if r.history != nil {
		since := began.Add(-time.Duration(r.window.keep.Load()) * time.Hour)
		if err := r.history.Published(ctx, since, r.recall); err != nil {
			return fmt.Errorf("reading the ids published since %s: %w", since.UTC().Format(time.RFC3339), err)
		}
	}
	r.opening.Do(func() {
		r.readFrom = began
		r.opened.Store(true)
		close(r.ready)
	})
	return nil
}

// recall remembers one event of the history by what its mark says. One without a mark, which
// came before there were any, is known by its id, unless it lies on a topic that no source
// writes to. A time that has not come, by a clock that is wrong, must not make the window forget
// all that is older.
func (r *Receiver) recall(p bus.Publication) error {
	at := p.At
	if now := time.Now(); at.After(now) {
		at = now
	}
	if body, prints, ok := readMark(p.Mark); ok {
		for _, f := range prints {
			r.window.remember(f, body, at)
		}
		return nil
	}
	for _, base := range r.intakes.Load().basesOf(p.Topic) {
		r.window.remember(identify(base, p.Source, p.ID), 0, at)
	}
	return nil
}

// Close refuses new requests with 503 and returns when those in hand have been answered, or
// with an error when ctx ends before.
func (r *Receiver) Close(ctx context.Context) error {
	r.closing.Do(func() {
		go func() {
			r.gate.Lock() // and never unlocked: from here on TryRLock fails
			close(r.closed)
		}()
	})
	select {
	case <-r.closed:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("waiting for the requests in hand: %w", context.Cause(ctx))
	}
}
