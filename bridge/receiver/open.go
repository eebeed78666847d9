package receiver

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// Open reads the ids of the dedup window from the history and then lets requests in. What
// other processes publish meanwhile and after that is for Run to follow.
func (r *Receiver) Open(ctx context.Context) error {
	began := time.Now()
	if err := r.past.read(ctx); err != nil {
		return err
	}
	r.opening.Do(func() {
		r.past.readFrom = began
		r.opened.Store(true)
		close(r.ready)
	})
	return nil
}

// Run writes refusals to their log and, on a bus that others use too, takes in what they
// publish, until ctx ends. It returns nil: neither is worth stopping for.
func (r *Receiver) Run(ctx context.Context) error {
	var working sync.WaitGroup
	working.Go(func() { r.trail.run(ctx) })
	if r.past.shared != nil {
		working.Go(func() { r.past.follow(ctx, r.ready) })
	}
	working.Wait()
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
