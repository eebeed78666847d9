package fault

import (
	"fmt"
	"sync"
	"time"
)

// A Key is what makes an event that one: CloudEvents source and id.
type Key struct{ Source, ID string }

func (k Key) String() string { return k.Source + " " + k.ID }

// A Sum is the SHA-256 of an event's data.
type Sum [32]byte

// An Arrival is one event in one request that an endpoint answered with success.
type Arrival struct {
	Endpoint  string
	Key       Key
	Sum       Sum
	WebhookID string // "" where it does not belong to the event alone, as in batches
	Delivery  string // Hookspan's name of the delivery; "" as above
	At        time.Time
}

// An Oracle knows what was promised and what came of it. Its methods may be called from any
// goroutine.
type Oracle struct {
	mu        sync.Mutex
	promises  map[Key]*promise
	endpoints map[string]*ledger
	kills     []time.Time
	repeats   []repeat
	faults    []string // what must never happen, in words
	at        int      // arrivals so far
}

// A promise is one event on its way.
type promise struct {
	begun     time.Time // of its first request
	accepted  time.Time // of the first 2xx; zero: none so far, so it may arrive or not
	sum       Sum
	webhookID string // as it first arrived
}

// A ledger is what one endpoint is owed and took.
type ledger struct {
	since time.Time // events whose first request began later are owed
	took  map[*promise]*taken
}

type taken struct {
	at       time.Time // of the first success
	times    int
	delivery string
}

// A repeat is a success after a success.
type repeat struct{ first, again time.Time }

// NewOracle returns an oracle that was promised nothing yet.
func NewOracle() *Oracle {
	return &Oracle{promises: map[Key]*promise{}, endpoints: map[string]*ledger{}}
}

// Owe says that an endpoint is owed every event whose first request begins after since, and
// with a zero since every event at all.
func (o *Oracle) Owe(endpoint string, since time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.endpoints[endpoint] = &ledger{since: since, took: map[*promise]*taken{}}
}

// Sending notes that a request with the event is about to begin.
func (o *Oracle) Sending(k Key, sum Sum, at time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.promises[k] == nil {
		o.promises[k] = &promise{begun: at, sum: sum}
	}
}

// Accepted notes that the event was acknowledged.
func (o *Oracle) Accepted(k Key, at time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if p := o.promises[k]; p.accepted.IsZero() {
		p.accepted = at
	}
}

// Killed notes that the process was killed, which excuses repeats of what was on its way.
func (o *Oracle) Killed(at time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.kills = append(o.kills, at)
}

// Fault notes something that must never happen.
func (o *Oracle) Fault(format string, a ...any) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.fault(format, a...)
}

const keptFaults = 20 // a first few tell as much as all of them

func (o *Oracle) fault(format string, a ...any) {
	if len(o.faults) < keptFaults {
		o.faults = append(o.faults, fmt.Sprintf(format, a...))
	}
}

// Arrived notes a success of an endpoint.
func (o *Oracle) Arrived(a Arrival) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.at++
	p := o.promises[a.Key]
	if p == nil {
		o.fault("%s got %s, which nobody sent", a.Endpoint, a.Key)
		return
	}
	if p.sum != a.Sum {
		o.fault("%s got %s with other data", a.Endpoint, a.Key)
	}
	if a.WebhookID != "" {
		if p.webhookID == "" {
			p.webhookID = a.WebhookID
		}
		if p.webhookID != a.WebhookID {
			o.fault("%s got %s as %s and before that as %s", a.Endpoint, a.Key, a.WebhookID, p.webhookID)
		}
	}
	o.take(a, p)
}

func (o *Oracle) take(a Arrival, p *promise) {
	l := o.endpoints[a.Endpoint]
	if l == nil {
		l = &ledger{since: a.At, took: map[*promise]*taken{}} // its answer is still on the way to whoever made it
		o.endpoints[a.Endpoint] = l
	}
	t := l.took[p]
	if t == nil {
		l.took[p] = &taken{at: a.At, times: 1, delivery: a.Delivery}
		return
	}
	t.times++
	o.repeats = append(o.repeats, repeat{t.at, a.At})
	if t.delivery != a.Delivery {
		o.fault("%s got %s twice, as deliveries %s and %s: it is on the bus twice", a.Endpoint, a.Key, t.delivery, a.Delivery)
	}
}

// Arrivals counts the successes so far.
func (o *Oracle) Arrivals() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.at
}

// Missing counts what was acknowledged and has not reached an endpoint that it is owed to.
func (o *Oracle) Missing() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	n := 0
	o.missing(func(string, Key, *promise) { n++ })
	return n
}

func (o *Oracle) missing(each func(endpoint string, k Key, p *promise)) {
	for name, l := range o.endpoints {
		for k, p := range o.promises {
			if !p.accepted.IsZero() && p.begun.After(l.since) && l.took[p] == nil {
				each(name, k, p)
			}
		}
	}
}
