package receiver

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/hookspan/hookspan/bridge/bus"
)

// store makes every event durable that is not so already. It claims all of them, publishes
// those that are its own, and then waits for those of other requests: two batches that share
// events can so never wait for each other.
func (r *Receiver) store(x *exchange, postings []posting) (outcome, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(x.q.Context()), r.publishTimeout-r.publishTimeout/lastWord)
	defer cancel()
	x.reuse = false // what ends in an error may still be on its way, and is then read later
	for i := range postings {
		r.claim(x, &postings[i])
	}
	err := r.publishInTime(ctx, x, postings)
	if x.left != nil {
		return "", r.notStored(x, err)
	}
	for i := range postings {
		if p := &postings[i]; p.standing == underway {
			err = errors.Join(err, p.flight.wait(ctx))
		}
	}
	if err != nil {
		return "", r.notStored(x, err)
	}
	x.reuse = true
	return r.outcomeOf(x, postings), nil
}

// outcomeOf says what came of a request whose events are all durable, and tells of repeats.
func (r *Receiver) outcomeOf(x *exchange, postings []posting) outcome {
	out := repeats
	for i := range postings {
		p := &postings[i]
		switch {
		case p.standing != fresh:
			r.note(x, p.event, slog.LevelInfo, "event repeated")
		case !p.quarantined:
			out = accepted
		case out == repeats:
			out = quarantined
		}
	}
	if len(postings) == 0 {
		out = accepted
	}
	return out
}

// errNoAnswer: a request is answered in time whether or not the bus keeps to its own limit.
var errNoAnswer = fmt.Errorf("%w: it has not answered within the publish timeout", bus.ErrUnavailable)

// lastWord is the share of the publish timeout that the bus has to say why, once its own time
// is up.
const lastWord = 20

// publishInTime publishes what is this request's own, and returns when it is durable or the
// publish timeout is over. What has no answer then goes on by itself: its flight stays underway,
// so that the sender's next try waits for the same fate, and its body stays in hand.
func (r *Receiver) publishInTime(ctx context.Context, x *exchange, postings []posting) error {
	if !slices.ContainsFunc(postings, func(p posting) bool { return p.standing == fresh }) {
		return nil
	}
	done := make(chan error, 1) // the goroutine sends once; who waits for it receives
	go func() { done <- r.publishAll(ctx, x.source, postings) }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
	}
	select {
	case err := <-done:
		return err
	case <-time.After(r.publishTimeout / lastWord):
		x.left = done
		return errNoAnswer
	}
}

// parallel is how many events of one batch are on their way at once.
const parallel = 64

// publishAll sends the events in their order: each when the one before it has its place.
func (r *Receiver) publishAll(ctx context.Context, s *intake, postings []posting) error {
	if len(postings) == 1 {
		return r.publish(ctx, s, &postings[0], nil)
	}
	var group errgroup.Group // without a context: one failure does not stop the others
	group.SetLimit(parallel)
	failed := make([]error, len(postings))
	for i := range postings {
		if postings[i].standing != fresh {
			continue
		}
		sent := make(chan struct{}) // closed once, by whoever publishes; received here
		once := sync.OnceFunc(func() { close(sent) })
		group.Go(func() error {
			defer once() // what fails before it is sent has no place to wait for
			failed[i] = r.publish(ctx, s, &postings[i], once)
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
func (r *Receiver) publish(ctx context.Context, s *intake, p *posting, sent func()) (err error) {
	began := time.Now()
	defer func() {
		if fault := recover(); fault != nil { // it would end the process: net/http does not see this goroutine
			err = fmt.Errorf("publish to %s: panic: %v", p.topic, fault)
			r.log.Error("publishing panicked", slog.String("source", s.Name), slog.String("stack", string(debug.Stack())))
		}
		r.settle(p, began, err)
	}()
	o := bus.PublishOptions{Structured: s.Content == Structured, Sent: sent}
	if p.flight != nil {
		o.Mark = mark(p.body, p.prints)
	}
	if p.flight != nil && *s.DedupWindow >= busWindow {
		o.Key = p.prints[0].key(p.body)
	}
	receipt, err := r.publisher.Publish(ctx, p.topic, &p.event.Event, o)
	r.metrics.publish.Observe(time.Since(began).Seconds())
	if err != nil {
		return err // the bus names the topic
	}
	if receipt.Repeated {
		p.standing = repeated
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

// release gives the body back once nobody can be reading it.
func (x *exchange) release() {
	if x.left == nil {
		x.body.release(x.reuse)
		return
	}
	go func() {
		<-x.left
		x.body.release(false)
	}()
}
