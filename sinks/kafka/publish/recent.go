package publish

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/sinks/kafka/cluster"
)

// recently is how long a key is remembered at least; at most twice as long.
const recently = 5 * time.Second

// recent remembers for a few seconds which keys were published by this process (P3). What
// other processes published, their markers tell (history.go).
type recent struct {
	mu          sync.Mutex
	turned      time.Time              // when now was begun
	now, before map[string]bus.Receipt // published since then, and in the time before
	flying      map[string]*flight     // on the way
}

// A flight is a publish that others wait for.
type flight struct {
	landed  chan struct{} // closed by land, after the rest is written
	receipt bus.Receipt
	err     error
}

// once publishes unless the key has been published. Of several at once one does it and the
// others wait, until it is settled; if it was not published, they try for themselves. publish
// has the flight landed, be it after it has returned.
func (r *recent) once(ctx context.Context, key string, until time.Time, publish func(*flight) (bus.Receipt, error)) (bus.Receipt, error) {
	for {
		done, f, mine := r.begin(key)
		switch {
		case f == nil:
			done.Repeated = true
			return done, nil
		case mine:
			return publish(f)
		}
		if err := f.wait(ctx, until); err != nil {
			return bus.Receipt{}, err
		}
		if done = f.receipt; f.err == nil {
			done.Repeated = true
			return done, nil
		}
	}
}

// errUnsettled: what became of another publish of the same key is not known yet.
var errUnsettled = fmt.Errorf("%w: it is not known yet what became of an earlier try to publish the same event", bus.ErrUnavailable)

// wait waits until the flight has landed.
func (f *flight) wait(ctx context.Context, until time.Time) error {
	timer := time.NewTimer(time.Until(until))
	defer timer.Stop()
	select {
	case <-f.landed:
		return nil
	case <-timer.C:
		return errUnsettled
	case <-ctx.Done():
		return cluster.Ended(ctx)
	}
}

// begin returns the receipt of a key that was published, or else its flight, and whether it is
// for the caller to carry out.
func (r *recent) begin(key string) (done bus.Receipt, f *flight, mine bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if since := time.Since(r.turned); r.now == nil || since > recently {
		r.before = r.now
		if since > 2*recently {
			r.before = nil
		}
		r.now, r.turned = map[string]bus.Receipt{}, time.Now()
	}
	if r.flying == nil {
		r.flying = map[string]*flight{}
	}
	for _, known := range []map[string]bus.Receipt{r.now, r.before} {
		if done, ok := known[key]; ok {
			return done, nil, false
		}
	}
	if f := r.flying[key]; f != nil {
		return bus.Receipt{}, f, false
	}
	f = &flight{landed: make(chan struct{})}
	r.flying[key] = f
	return bus.Receipt{}, f, true
}

var errAborted = errors.New("publishing was aborted")

// land ends a flight and tells those who wait for it.
func (r *recent) land(key string, f *flight, receipt bus.Receipt, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.flying, key)
	if f.receipt, f.err = receipt, err; err == nil {
		r.now[key] = receipt
	}
	close(f.landed)
}
