package fault

import (
	"fmt"
	"slices"
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
	Connected time.Time // when the connection was made that it came over
}

// An Oracle knows what was promised and what came of it. Its methods may be called from any
// goroutine.
type Oracle struct {
	mu        sync.Mutex
	promises  map[Key]*promise
	endpoints map[string]*ledger
	kills     []kill
	repeats   []repeat
	faults    []string     // what must never happen, in words
	twice     map[Key]bool // events that are on the bus twice; nil where that must never happen
	at        int          // arrivals so far
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
	since   time.Time // events whose first request began later are owed
	sources []string  // and only those of these sources; none: of all
	took    map[*promise]*taken
	order   Order
	newest  map[string]int // of each line, the last one that it took
}

// An Order says in which line of an endpoint's events one stands, and where; "" is none.
type Order func(Key) (line string, n int)

func (l *ledger) owed(k Key, p *promise) bool {
	return !p.accepted.IsZero() && p.begun.After(l.since) && (len(l.sources) == 0 || slices.Contains(l.sources, k.Source))
}

// taken is the first success of a delivery.
type taken struct {
	connected, at time.Time
	delivery      string
}

// A repeat is a success after a success.
type repeat struct {
	endpoint     string
	key          Key
	connected    time.Time // of the first one's connection
	first, again time.Time
}

// A kill excuses the repeat of what was on its way in it.
type kill struct{ from, to time.Time }

// NewOracle returns an oracle that was promised nothing yet.
func NewOracle() *Oracle {
	return &Oracle{promises: map[Key]*promise{}, endpoints: map[string]*ledger{}}
}

// Owe says that an endpoint is owed every event whose first request begins after since, and
// with a zero since every event at all; where sources are named, theirs alone.
func (o *Oracle) Owe(endpoint string, since time.Time, sources ...string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	l := o.ledger(endpoint)
	l.since, l.sources = since, sources
}

// AllowTwice says that the bus may hold an event twice when a request of it was not answered:
// it does not look at what it takes.
func (o *Oracle) AllowTwice() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.twice = map[Key]bool{}
}

// ledger makes one on the first word of an endpoint: a delivery may be faster than the answer
// to whoever registers it.
func (o *Oracle) ledger(endpoint string) *ledger {
	l := o.endpoints[endpoint]
	if l == nil {
		l = &ledger{since: time.Now(), took: map[*promise]*taken{}}
		o.endpoints[endpoint] = l
	}
	return l
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

// Excuse says that what was first acknowledged between two times may be missing: nothing of it was
// kept that had to be.
func (o *Oracle) Excuse(from, to time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, p := range o.promises {
		if p.accepted.After(from) && p.accepted.Before(to) {
			p.accepted = time.Time{}
		}
	}
}

// Killed notes that the process was killed between two times.
func (o *Oracle) Killed(from, to time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.kills = append(o.kills, kill{from, to})
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

// Order has an endpoint's events of a line arrive one after the other.
func (o *Oracle) Order(endpoint string, by Order) {
	o.mu.Lock()
	defer o.mu.Unlock()
	l := o.ledger(endpoint)
	l.order, l.newest = by, map[string]int{}
}

func (l *ledger) place(k Key) (line string, n int) {
	if l.order == nil {
		return "", 0
	}
	return l.order(k)
}

func (o *Oracle) take(a Arrival, p *promise) {
	l := o.ledger(a.Endpoint)
	t := l.took[p]
	if t == nil {
		l.took[p] = &taken{a.Connected, a.At, a.Delivery}
		if line, n := l.place(a.Key); line != "" && n < l.newest[line] {
			o.fault("%s got %s after number %d of %s", a.Endpoint, a.Key, l.newest[line], line)
		} else if line != "" {
			l.newest[line] = n
		}
		return
	}
	if t.delivery != a.Delivery && o.twice != nil {
		o.twice[a.Key] = true
		return
	}
	o.repeats = append(o.repeats, repeat{a.Endpoint, a.Key, t.connected, t.at, a.At})
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
			if l.owed(k, p) && l.took[p] == nil {
				each(name, k, p)
			}
		}
	}
}
