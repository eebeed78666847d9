package kafka

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
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
	landed  chan struct{} // closed by who publishes, after the rest is written
	receipt bus.Receipt
	err     error
}

// once publishes unless the key has been published. Of several at once one does it and the
// others wait; if it fails, they try for themselves.
func (r *recent) once(ctx context.Context, key string, publish func() (bus.Receipt, error)) (bus.Receipt, error) {
	for {
		done, f, mine := r.begin(key)
		switch {
		case f == nil:
			done.Repeated = true
			return done, nil
		case mine:
			return r.fly(key, f, publish)
		}
		select {
		case <-f.landed:
		case <-ctx.Done():
			return bus.Receipt{}, ended(ctx)
		}
		if done = f.receipt; f.err == nil {
			done.Repeated = true
			return done, nil
		}
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

// fly publishes and tells those who wait, whatever happens.
func (r *recent) fly(key string, f *flight, publish func() (bus.Receipt, error)) (bus.Receipt, error) {
	f.err = errAborted
	defer func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		delete(r.flying, key)
		if f.err == nil {
			r.now[key] = f.receipt
		}
		close(f.landed)
	}()
	f.receipt, f.err = publish()
	return f.receipt, f.err
}
