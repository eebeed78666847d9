package receiver

import (
	"log/slog"
	"net/http"
	"net/netip"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/event"
	"github.com/hookspan/hookspan/bridge/listener"
	"github.com/hookspan/hookspan/bridge/ops"
	"github.com/hookspan/hookspan/bridge/provider"
	"github.com/hookspan/hookspan/bridge/tracing"
)

// Options of a Receiver. Verifier, Publisher, Log and Metrics are required.
type Options struct {
	Sources   []Source
	Verifier  func(provider string, c provider.Config) (Verifier, error)
	Publisher bus.Publisher
	History   bus.History   // nil: nothing from before the start is recognised as repeated
	Shared    SharedHistory // nil: no other process publishes; else Run follows what they do
	Refusals  RefusalLog    // nil: refusals are logged only
	Teller    *ops.Teller   // of operations events; nil: operators are told nothing
	// Likely says in words whose request a refused one looks like, from its headers; "" where it looks
	// like nobody's, or like one for this verifier. It is asked for refusals that leave a trace, and
	// must not wait. nil knows nobody.
	Likely  func(v Verifier, h http.Header) string
	Schemas Schemas // nil knows none

	TopicPrefix     string        // default hookspan.events
	TopicPerSource  bool          // all events of a source go to its topic; else the type is appended to it
	QuarantineTopic string        // default hookspan.quarantine
	UnverifiedTopic string        // default hookspan.unverified
	Retention       time.Duration // of events on the bus; no dedup window may be longer; 0: not checked
	PublishTimeout  time.Duration // default 5 s
	Memory          int64         // bytes of all bodies in hand; default 256 MiB
	TrustedProxies  []netip.Prefix
	BodyTime        time.Duration // that every body has to arrive; default listener.ReadTime
	BodyRate        int64         // bytes a second that it must keep up beyond that; default 16 KiB

	Log     *slog.Logger
	Metrics prometheus.Registerer
	Tracer  *tracing.Tracer // nil: no traces
}

// Schemas are what events' data is held against.
type Schemas interface {
	// Check holds data against the schema of its type, and returns what attribute dataschema says
	// of that, "" where nothing can be said. A type without a schema fits. It asks take for the memory
	// that it needs first, and returns its error.
	Check(e *event.Event, take func(int64) error) (url string, err error)
	// Declared is what dataschema says where the data is not looked at.
	Declared(eventType string) string
}

// New makes a receiver of the sources. Every source that is wrong is named in the error.
// Requests are answered with 503 until Open has returned.
func New(o Options) (*Receiver, error) {
	r := &Receiver{
		verifier: o.Verifier, publisher: o.Publisher, schemas: o.Schemas,
		topicPrefix: orElse(o.TopicPrefix, "hookspan.events"), topicPerSource: o.TopicPerSource, quarantineTopic: orElse(o.QuarantineTopic, "hookspan.quarantine"),
		unverifiedTopic: orElse(o.UnverifiedTopic, "hookspan.unverified"),
		retention:       o.Retention, publishTimeout: orElse(o.PublishTimeout, 5*time.Second), proxies: o.TrustedProxies, log: o.Log, tracer: o.Tracer,
		bodies: newBodies(orElse(o.Memory, 256<<20), orElse(o.BodyTime, listener.ReadTime), orElse(o.BodyRate, 16<<10)),
		checks: newChecks(orElse(o.Memory, 256<<20)),
		window: newWindow(DefaultDedupWindow),
		bounds: bounds{timeout: orElse(o.PublishTimeout, 5*time.Second)},
		ready:  make(chan struct{}),
		closed: make(chan struct{}),
	}
	r.past.history, r.past.shared, r.past.window, r.past.log = o.History, o.Shared, r.window, o.Log
	r.past.bases = func(topic string) []string {
		if topic == r.unverifiedTopic { // whatever a source's topic is: a stranger chose the ids there
			return nil
		}
		return r.intakes.Load().basesOf(topic)
	}
	var err error
	if r.metrics, err = newMetrics(o.Metrics, r); err != nil {
		return nil, err
	}
	r.trail = trail{
		kept: o.Refusals, queue: make(chan Refusal, traceQueue), teller: o.Teller, bursts: make(chan *event.Event, burstQueue), strange: newValve(strangePerSecond, 4*strangePerSecond),
		likely: o.Likely, proxies: r.proxies, log: o.Log, metrics: r.metrics,
	}
	if err := r.Replace(o.Sources); err != nil {
		return nil, err
	}
	return r, nil
}

func orElse[T comparable](value, otherwise T) T {
	var zero T
	if value == zero {
		return otherwise
	}
	return value
}
