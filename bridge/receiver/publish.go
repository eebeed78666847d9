package receiver

import (
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/scheme"
)

// store makes every event durable that is not so already. It claims all of them, publishes
// those that are its own, and then waits for those of other requests: two batches that share
// events can so never wait for each other.
func (r *Receiver) store(x *exchange) (outcome, error) {
	x.start()
	x.reuse = false // what ends in an error may still be on its way, and is then read later
	for i := range x.postings {
		r.claim(x, &x.postings[i])
	}
	err := r.publishAll(x)
	for i := range x.postings {
		if p := &x.postings[i]; p.standing == underway {
			err = errors.Join(err, p.flight.wait(x.bound))
		}
	}
	if err != nil {
		return "", r.notStored(x, err)
	}
	x.reuse = true
	return r.outcomeOf(x), nil
}

// outcomeOf says what came of a request whose events are all durable, and tells of repeats.
func (r *Receiver) outcomeOf(x *exchange) outcome {
	out := repeats
	for i := range x.postings {
		p := &x.postings[i]
		switch {
		case p.standing != fresh:
			r.note(x, p.event, slog.LevelInfo, "event repeated")
		case !p.quarantined:
			out = accepted
		case out == repeats:
			out = quarantined
		}
	}
	if len(x.postings) == 0 {
		out = accepted
	}
	return out
}

// parallel is how many events of one batch are on their way at once.
const parallel = 64

// publishAll sends the events that are this request's own, in their order: each when the one
// before it has its place.
func (r *Receiver) publishAll(x *exchange) error {
	if len(x.postings) == 1 {
		if p := &x.postings[0]; p.standing == fresh {
			return r.publish(x, p, nil)
		}
		return nil
	}
	var group errgroup.Group // without a context: one failure does not stop the others
	group.SetLimit(parallel)
	failed := make([]error, len(x.postings))
	for i := range x.postings {
		if x.postings[i].standing != fresh {
			continue
		}
		sent := make(chan struct{}) // closed once, by whoever publishes; received here
		once := sync.OnceFunc(func() { close(sent) })
		group.Go(func() error {
			defer once() // what fails before it is sent has no place to wait for
			failed[i] = r.publish(x, &x.postings[i], once)
			return nil
		})
		<-sent
	}
	_ = group.Wait() // the errors are in failed
	return errors.Join(failed...)
}

// busWindow is more than the time for which a bus recognises a key. A shorter dedup window goes
// without the bus's guard against races of replicas, because that would be the longer one.
const busWindow = 30 * time.Second

// publish writes an event that this request owns, and settles its flight whatever happens.
func (r *Receiver) publish(x *exchange, p *posting, sent func()) (err error) {
	s, began := x.source, time.Now()
	defer func() {
		if fault := recover(); fault != nil { // also of a goroutine that net/http does not see
			err = fmt.Errorf("publish to %s: panic: %v", p.topic, fault)
			r.log.Error("publishing panicked", slog.String("source", s.Name), slog.String("stack", string(debug.Stack())))
		}
		r.settle(p, began, err)
	}()
	o := bus.PublishOptions{Structured: s.Content == Structured, Sent: sent}
	if p.flight != nil {
		o.Key, o.Mark = written(x.alone(), p.body, p.prints)
		if *s.DedupWindow < busWindow {
			o.Key = ""
		}
	}
	sending := x.publishing(p, &o)
	receipt, err := r.publisher.Publish(x.bound, p.topic, &p.event.Event, o)
	r.metrics.publish.Observe(time.Since(began), p.event.Extension("traceparent"))
	x.published(sending, err)
	if err != nil {
		return err // the bus names the topic
	}
	if receipt.Repeated {
		p.standing = repeated
	}
	return nil
}

// alone is where a request with one event writes; those of a batch are published at once.
func (x *exchange) alone() *scheme.Texts {
	if len(x.postings) == 1 {
		return &x.texts
	}
	return nil
}

// settle ends the flight of what was published, and remembers all that it is known by.
func (r *Receiver) settle(p *posting, at time.Time, err error) {
	if p.flight == nil {
		return
	}
	if err == nil {
		for _, f := range p.prints[1:] {
			r.window.remember(f, p.body, at)
		}
	}
	r.window.settle(p.prints[0], p.flight, at, err)
}
