package receiver

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/provider"
)

// An exchange is one request on its way through, and the answer's place. Exchanges are used
// again, with their timer, so that a request that is answered in time costs neither.
type exchange struct {
	of      *Receiver
	source  *intake
	w       http.ResponseWriter
	q       *http.Request
	began   time.Time
	body    body
	request provider.Request
	genuine bool
	guest   *guest // the connection, once the body has come; nil without a crowd
	reuse   bool   // nobody can be reading the body any more

	postings []posting
	one      [1]posting // the usual number

	bound *deadline   // once the events are to be durable; ring closes it
	timer *time.Timer // calls ring

	mu       sync.Mutex // one answers
	over     bool       // the bound is closed
	answered bool
}

// A deadline is the context of what is done for a request once its body has come: it ends with
// the publish timeout and not with the connection. It is never used again, because contexts
// that were made from it may look at it later.
type deadline struct {
	at   time.Time
	done chan struct{} // closed by the exchange when the time is over; for who waits for the bus
}

func (r *Receiver) newExchange(source *intake, w http.ResponseWriter, q *http.Request) *exchange {
	x, _ := r.exchanges.Get().(*exchange)
	if x == nil {
		x = &exchange{of: r}
		x.timer = time.AfterFunc(time.Hour, x.ring)
		x.timer.Stop()
	}
	x.source, x.w, x.q, x.began, x.reuse = source, w, q, time.Now(), true
	x.body = body{of: r.bodies, source: source.share}
	return x
}

// lastWord is the share of the publish timeout that the bus has to say why, once its own time
// is up.
const lastWord = 20

// start begins the time within which the events have to be durable.
func (x *exchange) start() {
	within := x.of.publishTimeout - x.of.publishTimeout/lastWord
	x.bound = &deadline{time.Now().Add(within), make(chan struct{})}
	x.timer.Reset(within)
}

// errNoAnswer: a request is answered in time whether or not the bus keeps to its own limit.
var errNoAnswer = fmt.Errorf("%w: it has not answered within the publish timeout", bus.ErrUnavailable)

// ring ends the time, and answers a moment later in the place of a bus that does not. What is
// on its way then goes on by itself: its flight stays underway, so that the sender's next try
// waits for the same fate, and its body stays in hand.
func (x *exchange) ring() {
	x.mu.Lock()
	defer x.mu.Unlock()
	switch {
	case x.answered:
	case !x.over:
		x.over = true
		close(x.bound.done)
		x.timer.Reset(x.of.publishTimeout / lastWord)
	default:
		f := x.of.notStored(x, errNoAnswer)
		f.hangUp = true // the connection serves no other request before the bus has answered
		x.of.conclude(x, nil, "", f)
		_ = http.NewResponseController(x.w).Flush() // the sender has gone; it will send again
		x.leave()
	}
}

// answer writes the answer, unless that has been done.
func (x *exchange) answer(a *provider.Answer, out outcome, err error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if !x.answered {
		x.of.conclude(x, a, out, err)
		x.leave()
	}
}

// leave says that the request is answered, as far as Close waits for it.
func (x *exchange) leave() {
	x.answered = true
	x.of.gate.RUnlock()
}

// end gives back what the request had, also when it panicked: nothing is
// known of it then, so it is not used again.
func (x *exchange) end() {
	x.mu.Lock()
	panicked := !x.answered
	if panicked {
		x.leave()
	}
	x.mu.Unlock()
	x.guest.let(x.genuine)
	x.body.release(x.reuse)
	if panicked || !x.free() {
		return
	}
	clear(x.postings)
	*x = exchange{of: x.of, timer: x.timer}
	x.of.exchanges.Put(x)
}

// free reports whether nobody else can be holding the exchange: its timer will not ring, and
// no other request waits for one of its flights.
func (x *exchange) free() bool {
	if x.bound != nil && !x.timer.Stop() {
		return false
	}
	for i := range x.postings {
		if x.postings[i].own.done != nil {
			return false
		}
	}
	return !x.over
}

// Deadline implements context.Context.
func (d *deadline) Deadline() (time.Time, bool) { return d.at, true }

// Done implements context.Context.
func (d *deadline) Done() <-chan struct{} { return d.done }

// Err implements context.Context.
func (d *deadline) Err() error {
	select {
	case <-d.done:
		return context.DeadlineExceeded
	default:
		return nil
	}
}

// Value implements context.Context. What the connection's context holds would also say that the
// sender has gone.
func (d *deadline) Value(any) any { return nil }
