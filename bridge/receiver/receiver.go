package receiver

import (
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/listener"
	"github.com/hookspan/hookspan/bridge/problem"
	"github.com/hookspan/hookspan/bridge/provider"
	"github.com/hookspan/hookspan/bridge/scheme"
	"github.com/hookspan/hookspan/bridge/tracing"
)

// Path is what the URL path of every source begins with.
const Path = "/webhooks/"

// A Receiver is the public intake. It is an http.Handler.
type Receiver struct {
	verifier        func(string, provider.Config) (Verifier, error)
	publisher       bus.Publisher
	schemas         Schemas
	topicPrefix     string
	topicPerSource  bool
	quarantineTopic string
	unverifiedTopic string
	retention       time.Duration
	publishTimeout  time.Duration
	proxies         proxies
	log             *slog.Logger
	metrics         *metrics
	tracer          *tracing.Tracer // nil: no traces

	intakes   atomic.Pointer[intakes]
	exchanges sync.Pool
	bounds    bounds
	bodies    *bodies
	checks    checks
	window    *window
	past      past
	trail     trail

	opened  atomic.Bool
	opening sync.Once
	ready   chan struct{} // closed by Open once it has opened

	gate    sync.RWMutex // held for reading by every request, for writing by Close for good
	closing sync.Once
	closed  chan struct{} // closed once the gate is; nobody sends
}

// ServeHTTP takes one webhook: it answers success only after every event in it is durable.
func (r *Receiver) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	name, ok := strings.CutPrefix(q.URL.Path, Path)
	source := r.intakes.Load().named[strings.TrimSuffix(name, "/")]
	if !ok || source == nil {
		r.trail.unknown(w, q, r.intakes.Load())
		return
	}
	x := r.newExchange(source, w, q)
	if !r.gate.TryRLock() {
		r.conclude(x, nil, "", &fault{code: problem.Stopping, outcome: unavailable, detail: "the server is stopping", retry: 5 * time.Second, hangUp: true})
		return
	}
	defer x.end()
	x.answer(r.receive(x))
}

// receive is the inbound path from top to bottom.
func (r *Receiver) receive(x *exchange) (*provider.Answer, outcome, error) {
	if err := r.admit(x); err != nil {
		return nil, "", err
	}
	if err := r.bodies.read(&x.body, arrival{x.w, x.q, r.proxies.sender(x.q), x.began, int64(x.source.MaxBody)}); err != nil {
		return nil, "", notTaken(err)
	}
	if x.guest = listener.GuestOf(x.q); x.guest != nil {
		x.guest.Hold() // ServeHTTP lets it go
	}
	x.request = provider.Request{
		Memory: &x.body, Texts: &x.texts, Method: x.q.Method, URL: x.source.url(r.proxies, x.q), Header: x.q.Header, Body: x.body.bytes, Received: x.began,
	}
	verifying := r.tracer.Now()
	verdict, err := x.judge()
	x.verified(verifying, &verdict, err)
	switch {
	case x.body.short != nil:
		return nil, "", notTaken(x.body.short)
	case err != nil && x.source.observes(err):
		return r.observe(x, notGenuine(err))
	case err != nil:
		return nil, "", notGenuine(err)
	}
	if verdict.Answer != nil {
		return verdict.Answer, challenge, nil
	}
	x.genuine, x.events, x.proof = true, verdict.Events, verdict.Proof
	if err := r.prepare(x); err != nil {
		return nil, "", err
	}
	out, err := r.store(x)
	return &x.source.success, out, err
}

// judge finds out what the request means, if it is genuine.
func (x *exchange) judge() (provider.Verdict, error) {
	if x.origin != nil {
		return provider.Verdict{}, x.origin
	}
	return x.source.verifier.VerifyIn(&x.request, x.events)
}

// admit looks at what can be judged before the body is read.
func (r *Receiver) admit(x *exchange) error {
	if !r.opened.Load() {
		return &fault{code: problem.BusUnavailable, outcome: unavailable, detail: "the server is starting", retry: time.Second}
	}
	if x.origin = x.source.origin.judge(r.proxies, x.q); x.origin != nil && x.source.Verify != Observe {
		return notGenuine(x.origin)
	}
	if !slices.Contains(x.source.methods, x.q.Method) {
		return wrongMethod(x.q)
	}
	if _, unknown := scheme.Packed(x.q.Header); unknown != "" {
		return unknownMediaType("Content-Encoding", unknown)
	}
	if media := x.q.Header.Get("Content-Type"); media != "" && !x.source.verifier.AcceptsMediaType(media) {
		return unknownMediaType("Content-Type", media)
	}
	return nil
}

// conclude answers, counts, and leaves a trace of what was not taken.
func (r *Receiver) conclude(x *exchange, answer *provider.Answer, out outcome, err error) {
	var f *fault
	if err != nil {
		var ok bool
		if f, ok = errors.AsType[*fault](err); !ok {
			f = r.notStored(x, err)
		}
		out = f.outcome
		f.write(x.w, x.source)
		r.trail.leave(x, f)
	} else {
		writeAnswer(x.w, answer)
	}
	x.source.counters[out].Inc()
	r.metrics.seconds.Observe(time.Since(x.began), x.traceparent())
	x.told(answer, f, out)
}
