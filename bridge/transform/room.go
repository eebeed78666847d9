package transform

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"time"

	"github.com/hookspan/hookspan/bridge/event"
	"github.com/hookspan/hookspan/bridge/jq"
)

const (
	// What takes no more steps, of an event that is not larger, waits for nobody else's transforms.
	quickSteps = jq.FilterSteps
	quickData  = 64 << 10

	restFactor = 4 // an endpoint rests for so many times as long as a slow transform took
)

// A Room is where a process applies transforms. Those that are quick, as nearly all are, are applied
// at once. The slow ones of all endpoints share a part of the processors, in turn, and so of the
// memory: how much of either expressions take does not depend on how many endpoints have them.
type Room struct {
	slow chan struct{} // a slot for each slow transform that may run: Apply sends and receives
}

// NewRoom is for one process.
func NewRoom() *Room { return &Room{make(chan struct{}, max(runtime.GOMAXPROCS(0)/2, 1))} }

// A Turn is of one endpoint, whose events are transformed one after the other.
type Turn struct {
	held chan struct{} // one slot: Apply sends and receives
	rest time.Time     // before it no slow transform begins
}

// NewTurn is for one endpoint.
func NewTurn() *Turn { return &Turn{held: make(chan struct{}, 1)} }

// Apply makes a request of an event; nil: nothing is to be sent. The error says what is wrong with the
// result, or why there is none, in words that repeat nothing of the event; when ctx ended, its cause
// is the error.
func (r *Room) Apply(ctx context.Context, turn *Turn, t Transform, e *event.Event) (*Request, error) {
	if err := enter(ctx, turn.held); err != nil {
		return nil, err
	}
	defer func() { <-turn.held }()
	if len(e.Data) <= quickData {
		made, err := t.apply(jq.Input(e), quickSteps)
		if !errors.Is(err, jq.ErrSpent) {
			return made, wrap(err)
		}
	}
	if err := turn.wait(ctx); err != nil {
		return nil, err
	}
	if err := enter(ctx, r.slow); err != nil {
		return nil, err
	}
	defer func() { <-r.slow }()
	began := time.Now()
	made, err := t.apply(jq.Input(e), jq.TransformSteps)
	ended := time.Now()
	turn.rest = ended.Add(restFactor * ended.Sub(began))
	return made, wrap(err)
}

// enter takes a slot.
func enter(ctx context.Context, slots chan struct{}) error {
	select {
	case slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (t *Turn) wait(ctx context.Context) error {
	left := time.Until(t.rest)
	if left <= 0 {
		return nil
	}
	timer := time.NewTimer(left)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func wrap(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("the transform: %w", err)
}
