package receiver

import (
	"context"
	"sync/atomic"
	"time"
)

// bounds hands out the contexts of what is done for requests once their bodies have come: they
// end with the publish timeout and not with a connection. The requests of a moment share one, so
// that it costs a busy intake nothing. None is used again, because contexts that were made from
// it may look at it later.
type bounds struct {
	timeout time.Duration // of a publish
	last    atomic.Pointer[bound]
}

type bound struct {
	context.Context
	cancel context.CancelFunc // never called: the bound ends by itself
	until  time.Time          // when another one begins
}

// Shares of the publish timeout.
const (
	lastWord = 20  // what the bus has to say why, once its own time is up
	moment   = 200 // what those who share a bound may be apart
)

// next returns the bound of a request that begins now.
func (b *bounds) next(now time.Time) context.Context {
	if last := b.last.Load(); last != nil && now.Before(last.until) {
		return last.Context
	}
	within := b.timeout - b.timeout/lastWord
	next := &bound{until: now.Add(b.timeout / moment)}
	next.Context, next.cancel = context.WithDeadline(context.Background(), now.Add(within+b.timeout/moment))
	b.last.Store(next) // of several at once any will do
	return next.Context
}
