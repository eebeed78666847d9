package receiver

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"log/slog"
	"net/http"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/event"
	"github.com/hookspan/hookspan/bridge/problem"
	"github.com/hookspan/hookspan/bridge/provider"
)

// Path is what the URL path of every source begins with.
const Path = "/webhooks/"

// A Receiver is the public intake. It is an http.Handler.
type Receiver struct {
	verifier        func(string, provider.Config) (Verifier, error)
	publisher       bus.Publisher
	history         bus.History
	shared          SharedHistory
	refusalLog      RefusalLog
	schema          func(*event.Event) error
	topicPrefix     string
	topicPerSource  bool
	quarantineTopic string
	retention       time.Duration
	publishTimeout  time.Duration
	proxies         proxies
	log             *slog.Logger
	metrics         *metrics

	intakes  atomic.Pointer[intakes]
	bodies   *bodies
	window   *window
	strays   atomic.Bool // some of the history could not be told to belong to a source
	seed     maphash.Seed
	refusals chan Refusal // sent by trace without waiting, received by Run; never closed

	opened    atomic.Bool
	opening   sync.Once
	ready     chan struct{} // closed by Open once it has opened
	readFrom  time.Time     // when Open began to read the history; settled before ready is closed
	following atomic.Bool   // what other processes publish is taken in

	gate    sync.RWMutex // held for reading by every request, for writing by Close for good
	closing sync.Once
	closed  chan struct{} // closed once the gate is; nobody sends
}

// An exchange is one request on its way through, and the answer's place.
type exchange struct {
	source *intake
	w      http.ResponseWriter
	q      *http.Request
	began  time.Time
	body   body
	reuse  bool         // nobody can be reading the body any more
	left   <-chan error // what still publishes after its time was up ends with this; nil: nothing does
}

// ServeHTTP takes one webhook: it answers success only after every event in it is durable.
func (r *Receiver) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	name, ok := strings.CutPrefix(q.URL.Path, Path)
	source := r.intakes.Load().named[name]
	if !ok || source == nil {
		r.metrics.unknown.Inc()
		r.log.LogAttrs(q.Context(), slog.LevelDebug, "no source of that name", slog.String("path", cut(q.URL.Path, 200)))
		problem.Write(w, problem.New(problem.UnknownSource))
		return
	}
	x := &exchange{source: source, w: w, q: q, began: time.Now(), reuse: true, body: body{from: r.bodies}}
	if !r.gate.TryRLock() {
		r.conclude(x, nil, "", &fault{code: problem.Stopping, outcome: unavailable, detail: "the server is stopping", retry: 5 * time.Second, hangUp: true})
		return
	}
	defer r.gate.RUnlock()
	defer x.release()
	answer, out, err := r.receive(x)
	r.conclude(x, answer, out, err)
}

// receive is the inbound path from top to bottom.
func (r *Receiver) receive(x *exchange) (*provider.Answer, outcome, error) {
	if err := r.admit(x); err != nil {
		return nil, "", err
	}
	if err := r.bodies.read(&x.body, x.w, x.q, x.source.MaxBody, x.began); err != nil {
		return nil, "", notTaken(err)
	}
	verdict, err := x.source.verifier.Verify(&provider.Request{
		Method: x.q.Method, URL: r.proxies.url(x.q, x.source.PublicURL), Header: x.q.Header, Body: x.body.bytes, Received: x.began,
	})
	if err != nil {
		return nil, "", notGenuine(err)
	}
	if verdict.Answer != nil {
		return verdict.Answer, challenge, nil
	}
	postings, err := r.prepare(x, &verdict)
	if err != nil {
		return nil, "", err
	}
	out, err := r.store(x, postings)
	return &x.source.success, out, err
}

// admit looks at what can be judged before the body is read.
func (r *Receiver) admit(x *exchange) error {
	if !r.opened.Load() {
		return &fault{code: problem.BusUnavailable, outcome: unavailable, detail: "the server is starting", retry: time.Second}
	}
	if !slices.Contains(x.source.methods, x.q.Method) {
		return wrongMethod(x.q)
	}
	switch encoding := x.q.Header.Get("Content-Encoding"); strings.ToLower(encoding) {
	case "", "identity", "gzip", "x-gzip":
	default:
		return unknownMediaType("Content-Encoding", encoding)
	}
	if media := x.q.Header.Get("Content-Type"); media != "" && !x.source.verifier.AcceptsMediaType(media) {
		return unknownMediaType("Content-Type", media)
	}
	return nil
}

// A posting is one event on its way to the bus.
type posting struct {
	event       *event.Event
	topic       string
	quarantined bool
	id          fingerprint
	standing    standing
	flight      *flight
}

// prepare decides what becomes of each event: its topic, quarantine, or none of them is taken.
func (r *Receiver) prepare(x *exchange, v *provider.Verdict) ([]posting, error) {
	s := x.source
	if err := s.withinRate(x.began); err != nil {
		return nil, err
	}
	postings := make([]posting, len(v.Events))
	unpacked := int64(-len(x.body.bytes))
	for i := range v.Events {
		e := &v.Events[i]
		p := &postings[i]
		*p = posting{event: &e.Event, topic: r.topic(s, &e.Event), id: identify(s.Topic, e.Source, e.ID)}
		reason, detail, policy := r.inspect(s, e)
		switch policy {
		case Reject:
			return nil, &fault{code: problem.InvalidBody, outcome: invalid, reason: reason, detail: detail}
		case Quarantine:
			r.quarantine(x, p, reason, detail)
		case Warn:
			r.note(x, &e.Event, "event does not fit its schema", reason, detail)
		}
		unpacked += int64(len(e.Data))
	}
	if unpacked > 0 { // decrypted or unpacked data is in hand too
		if err := x.body.take(unpacked); err != nil {
			return nil, notTaken(err)
		}
	}
	return postings, nil
}

// inspect names the policy that an event's body falls under, Accept when nothing is at fault.
func (r *Receiver) inspect(s *intake, e *provider.Event) (provider.Reason, string, Policy) {
	if e.Invalid != "" {
		return provider.InvalidBody, e.Invalid, s.Invalid
	}
	if r.schema == nil || s.Schema == Off {
		return "", "", Accept
	}
	if err := r.schema(&e.Event); err != nil {
		return provider.Schema, err.Error(), s.Schema
	}
	return "", "", Accept
}

// quarantine sends an event to the quarantine topic, with the reason and whose it was.
func (r *Receiver) quarantine(x *exchange, p *posting, reason provider.Reason, detail string) {
	p.topic, p.quarantined = r.quarantineTopic, true
	p.event.SetExtension("hookspanreason", string(reason))
	p.event.SetExtension("hookspandetail", strings.ToValidUTF8(cut(detail, maxDetail), "_"))
	p.event.SetExtension("hookspansource", x.source.Name)
	r.note(x, p.event, "event quarantined", reason, detail)
}

// note logs what is remarkable about an event that is taken.
func (r *Receiver) note(x *exchange, e *event.Event, message string, reason provider.Reason, detail string) {
	r.log.LogAttrs(x.q.Context(), slog.LevelWarn, message, slog.String("source", x.source.Name), slog.String("id", e.ID),
		slog.String("type", e.Type), slog.String("reason", string(reason)), slog.String("detail", cut(detail, maxDetail)))
}

// topic is where an event goes that is not at fault.
func (r *Receiver) topic(s *intake, e *event.Event) string {
	if r.topicPerSource {
		return s.Topic
	}
	return Topic(s.Topic, e.Type, s.typePrefix)
}

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
		return "", notStored(err)
	}
	out := repeats
	for i := range postings {
		p := &postings[i]
		switch {
		case p.standing == underway:
			err = errors.Join(err, p.flight.wait(ctx))
		case p.standing == fresh && (!p.quarantined || out == repeats):
			out = accepted
			if p.quarantined {
				out = quarantined
			}
		}
	}
	if err != nil {
		return "", notStored(err)
	}
	x.reuse = true
	if len(postings) == 0 {
		out = accepted
	}
	return out, nil
}

// claim asks the dedup window for an event.
func (r *Receiver) claim(x *exchange, p *posting) {
	since := x.began.Add(-x.source.DedupWindow)
	if r.strays.Load() && r.window.knows(identify("", p.event.Source, p.event.ID), since) {
		p.standing = repeated
		return
	}
	var altered bool
	p.standing, p.flight, altered = r.window.claim(p.id, bodyMark(r.seed, p.event.Data), since)
	if altered {
		r.metrics.altered.Inc()
		r.note(x, p.event, "repeated id came with another body", "", "the first one stands")
	}
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

// publish writes an event that this request owns, and settles its flight whatever happens.
func (r *Receiver) publish(ctx context.Context, s *intake, p *posting, sent func()) (err error) {
	began := time.Now()
	defer func() {
		if fault := recover(); fault != nil { // it would end the process: net/http does not see this goroutine
			err = fmt.Errorf("publish to %s: panic: %v", p.topic, fault)
			r.log.Error("publishing panicked", slog.String("source", s.Name), slog.String("stack", string(debug.Stack())))
		}
		r.window.settle(p.id, p.flight, began, err)
	}()
	receipt, err := r.publisher.Publish(ctx, p.topic, p.event, bus.PublishOptions{
		Structured: s.Content == Structured, Key: p.id.key(), Sent: sent,
	})
	r.metrics.publish.Observe(time.Since(began).Seconds())
	if err != nil {
		return fmt.Errorf("publish to %s: %w", p.topic, err)
	}
	if receipt.Repeated {
		p.standing = repeated
	}
	return nil
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

// conclude answers, counts, and leaves a trace of what was not taken.
func (r *Receiver) conclude(x *exchange, answer *provider.Answer, out outcome, err error) {
	if err != nil {
		f, ok := errors.AsType[*fault](err)
		if !ok {
			f = notStored(err)
		}
		out = f.outcome
		f.write(x.w, x.source)
		r.trace(x, f)
	} else {
		writeAnswer(x.w, answer)
	}
	x.source.counters[out].Inc()
	r.metrics.seconds.Observe(time.Since(x.began).Seconds())
}
