package fault

import (
	"context"
	"errors"
	"sync"
	"time"
)

// A Flow is webhooks whose way to one endpoint is timed, a bounded number of them on the way
// at a time: it goes as fast as the machine does, and nothing piles up.
type Flow struct {
	driver   *Driver
	endpoint string
	window   chan struct{} // holds one for each that is on the way; Run sends, Arrived receives; never closed
	done     chan struct{} // closed by Arrived with the last

	mu      sync.Mutex
	started int
	sent    map[Key]time.Time // on the way
	times   []time.Duration   // has room for all of them
}

// NewFlow times n webhooks to an endpoint.
func NewFlow(d *Driver, endpoint string, n, onTheWay int) *Flow {
	return &Flow{
		driver: d, endpoint: endpoint, window: make(chan struct{}, onTheWay), done: make(chan struct{}),
		sent: map[Key]time.Time{}, times: make([]time.Duration, 0, n),
	}
}

// Run sends over that many connections and returns when all have arrived.
func (f *Flow) Run(ctx context.Context, connections int) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var all sync.WaitGroup
	for range connections {
		all.Go(func() {
			for f.enter(ctx) {
				if !f.send(ctx) {
					cancel(errors.New("a webhook was not taken"))
				}
			}
		})
	}
	all.Wait()
	select {
	case <-f.done:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// enter waits for a place in the window, and is false when there is nothing left to send.
func (f *Flow) enter(ctx context.Context) bool {
	f.mu.Lock()
	f.started++
	more := f.started <= cap(f.times)
	f.mu.Unlock()
	if !more {
		return false
	}
	select {
	case f.window <- struct{}{}:
		return true
	case <-ctx.Done():
		return false
	}
}

func (f *Flow) send(ctx context.Context) bool {
	w := f.driver.webhook()
	f.mu.Lock()
	f.sent[w.key] = time.Now()
	f.mu.Unlock()
	return f.driver.Post(ctx, w)
}

// Arrived takes what a Receiver tells.
func (f *Flow) Arrived(a Arrival) {
	f.mu.Lock()
	defer f.mu.Unlock()
	began, ok := f.sent[a.Key]
	if !ok || a.Endpoint != f.endpoint {
		return
	}
	delete(f.sent, a.Key)
	<-f.window
	if f.times = append(f.times, a.At.Sub(began)); len(f.times) == cap(f.times) {
		close(f.done)
	}
}

// Times is how long each was on its way, once Run has returned.
func (f *Flow) Times() []time.Duration { return f.times }
