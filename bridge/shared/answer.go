// Package shared has one answer serve all who asked before it was begun: many who want to know
// the same at about the same time cost one question, and nobody gets an answer from before
// their call.
package shared

import (
	"context"
	"sync/atomic"
)

// An Answer is the answer to a question that many may ask at once. Make it with New.
type Answer[T any] struct {
	lock  chan struct{} // one slot: whoever fills it asks; it guards the next two
	value T
	last  int64        // the number of the question that value answers
	begun atomic.Int64 // questions
}

// New returns an answer that nobody has asked for.
func New[T any]() *Answer[T] { return &Answer[T]{lock: make(chan struct{}, 1)} }

// Get returns an answer to a question that was begun after the call. It calls ask unless
// somebody else's question serves; one is on its way at a time. The value is shared: it is not
// the caller's to change. An error of ask is the caller's alone; ctx bounds the wait, too.
func (a *Answer[T]) Get(ctx context.Context, ask func(context.Context) (T, error)) (T, error) {
	before := a.begun.Load()
	var none T
	select {
	case a.lock <- struct{}{}:
		defer func() { <-a.lock }()
	case <-ctx.Done():
		return none, context.Cause(ctx)
	}
	if a.last > before {
		return a.value, nil
	}
	number := a.begun.Add(1)
	value, err := ask(ctx)
	if err != nil {
		return none, err
	}
	a.value, a.last = value, number
	return value, nil
}
