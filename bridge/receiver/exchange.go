package receiver

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/event"
	"github.com/hookspan/hookspan/bridge/listener"
	"github.com/hookspan/hookspan/bridge/provider"
	"github.com/hookspan/hookspan/bridge/scheme"
	"github.com/hookspan/hookspan/bridge/tracing"
)

// An exchange is one request on its way through, and the answer's place. Exchanges are used
// again, with their timer and the memory of the event, so that a request that is answered in time
// costs none of them.
type exchange struct {
	of      *Receiver
	source  *intake
	w       http.ResponseWriter
	q       *http.Request
	began   time.Time
	body    body
	request provider.Request
	genuine bool
	origin  *provider.Refusal // why it does not come from where the sender's do; nil where it does
	proof   provider.Proof
	span    tracing.Span    // of the request, where it is recorded
	drawn   bool            // the sampler was asked
	guest   *listener.Guest // the connection, once the body has come; nil without a crowd
	reuse   bool            // nobody can be reading the body and the events any more

	texts    scheme.Texts     // those of the events
	events   []provider.Event // of this request; before, memory of an earlier one's
	postings []posting
	one      [1]posting // the usual number

	bound context.Context // once the events are to be durable
	timer *time.Timer     // calls ring

	mu       sync.Mutex // one answers
	answered bool
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

// header are the lines of a header. Host, which net/http keeps apart, is the one that was asked for.
func (x *exchange) header(name string) []string {
	if name == "Host" {
		return []string{x.of.proxies.asked(x.q).host}
	}
	return x.q.Header[name]
}

// start begins the time within which the events have to be durable.
func (x *exchange) start() {
	x.bound = x.of.bounds.next(time.Now())
	x.timer.Reset(x.of.publishTimeout)
}

// errNoAnswer: a request is answered in time whether or not the bus keeps to its own limit.
var errNoAnswer = fmt.Errorf("%w: it has not answered within the publish timeout", bus.ErrUnavailable)

// ring answers in the place of a bus that does not, although its own time was up before. What is
// on its way then goes on by itself: its flight stays underway, so that the sender's next try
// waits for the same fate, and its body stays in hand.
func (x *exchange) ring() {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.answered {
		return
	}
	f := x.of.notStored(x, errNoAnswer)
	f.hangUp = true // the connection serves no other request before the bus has answered
	x.of.conclude(x, nil, "", f)
	_ = http.NewResponseController(x.w).Flush() // the sender has gone; it will send again
	x.leave()
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
	x.guest.Let(x.genuine)
	x.body.release(x.reuse)
	if panicked || !x.free() {
		return
	}
	clear(x.postings)
	*x = exchange{of: x.of, timer: x.timer, events: x.room()}
	x.of.exchanges.Put(x)
}

// room is the memory of the usual one event, without what was in it.
func (x *exchange) room() []provider.Event {
	if !x.reuse || len(x.events) != 1 {
		return nil
	}
	e := &x.events[0]
	clear(e.Extensions)
	*e = provider.Event{Event: event.Event{Extensions: e.Extensions[:0]}}
	return x.events
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
	return true
}
