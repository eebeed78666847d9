package journal

import (
	"cmp"
	"math"
	"slices"
	"time"
	"unique"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/delivery"
)

// A word is a text that many deliveries share; it is in memory once.
type word = unique.Handle[string]

// An origin is what all deliveries of one kind of event to one endpoint have in common.
type origin struct {
	endpoint, source, kind, topic, identity, tenant string
	partition                                       bus.Partition
	report                                          bool
}

// A row is a Delivery in as few bytes as it takes. Times are Unix nanoseconds, 0 for none.
type row struct {
	order    uint64 // of arrival: pages go by it
	id       string
	origin   unique.Handle[origin]
	event    string
	subject  string
	seq      int64
	mark     int64
	batch    word
	replay   word
	ended    word // why, without success
	why      word // the same in words, where there is more to say
	life     delivery.Life
	created  int64
	next     int64 // by the schedule; of one that has ended, when it did
	held     int64 // until when the endpoint asked to be left alone
	attempts []attempt
	number   int32  // of the next attempt
	final    int32  // number of the record that ended it; 0 for none
	turn     uint32 // how often it has ended; an older turn in the queue of the ended is void
	status   status
	told     bool // it waits as its shard's log says, and not as a record does
	evicted  bool
}

type status uint8

const (
	pending status = iota
	delivered
	failed
	discarded
)

func (s status) public() Status {
	return [...]Status{pending: Pending, delivered: Delivered, failed: Failed, discarded: Discarded}[s]
}

func statusOf(o delivery.Outcome) status {
	switch o {
	case delivery.Delivered:
		return delivered
	case delivery.Failed:
		return failed
	case delivery.Discarded:
		return discarded
	}
	return pending
}

type attempt struct {
	sent, received int64
	number         int32
	code           int16
	phases         [4]uint32 // microseconds: dns, connect, tls, first byte
	address        word
	reason         unique.Handle[delivery.Reason]
	text           *text // nil when there is no more to say
}

// A text is what more there is to say about an attempt. What the two sides said is dropped when
// the index holds too much.
type text struct {
	detail     word // a few for all
	next, hold int64
	wait       delivery.Micros

	request, headers delivery.Headers
	response, binary string
	dropped          bool
}

func (t *text) size() int {
	return len(t.request) + len(t.headers) + len(t.response) + len(t.binary)
}

func (t *text) drop() {
	t.request, t.headers, t.response, t.binary, t.dropped = "", "", "", "", true
}

var none = unique.Make("")

func newRow(id, endpoint string, e *delivery.EventRef) *row {
	return &row{
		id: id, event: e.ID, subject: e.Subject, seq: e.Seq, mark: e.Mark, batch: none, replay: none, ended: none, why: none, number: 1,
		origin: unique.Make(origin{endpoint, e.Source, e.Type, e.Topic, e.Identity, e.Tenant, e.Partition, e.Report}),
	}
}

// take adds a record of the journal and returns what the two sides said, nil for nothing.
func (r *row) take(a *delivery.Attempt) *text {
	if a.Batch != "" {
		r.batch = unique.Make(a.Batch)
	}
	if a.Replay != "" {
		r.replay = unique.Make(a.Replay)
	}
	first := nanos(a.Sent)
	if first == 0 { // the delivery ended without a POST
		first = nanos(a.Received)
	}
	if r.created == 0 || first != 0 && first < r.created {
		r.created = first
	}
	if a.Life != nil {
		r.life = *a.Life
	}
	r.judge(a)
	if a.Sent.IsZero() {
		return nil
	}
	made := attemptOf(a)
	if !r.add(made) || made.text == nil || made.text.size() == 0 {
		return nil
	}
	return made.text
}

func attemptOf(a *delivery.Attempt) attempt {
	made := attempt{
		sent: nanos(a.Sent), received: nanos(a.Received), number: int32(a.Number), code: int16(a.Status), reason: unique.Make(a.Reason),
		phases:  [4]uint32{micros(a.Phases.DNS), micros(a.Phases.Connect), micros(a.Phases.TLS), micros(a.Phases.FirstByte)},
		address: unique.Make(a.Address),
	}
	if a.Detail != "" || !a.Next.IsZero() || a.Request != "" || a.Headers != "" || a.Response != "" || a.Binary != "" {
		made.text = &text{
			detail: unique.Make(a.Detail), next: nanos(a.Next), hold: nanos(a.Hold), wait: a.Wait,
			request: a.Request, headers: a.Headers, response: a.Response, binary: a.Binary,
		}
	}
	return made
}

// record is the attempt as the journal has it, but for what was dropped.
func (a *attempt) record() delivery.Attempt {
	rec := delivery.Attempt{
		Number: int(a.number), Sent: instant(a.sent), Received: instant(a.received), Status: int(a.code), Reason: a.reason.Value(),
		Phases: delivery.Phases{
			DNS: delivery.Micros(a.phases[0]), Connect: delivery.Micros(a.phases[1]),
			TLS: delivery.Micros(a.phases[2]), FirstByte: delivery.Micros(a.phases[3]),
		},
		Address: a.address.Value(),
	}
	if t := a.text; t != nil {
		rec.Detail, rec.Next, rec.Hold, rec.Wait = t.detail.Value(), instant(t.next), instant(t.hold), t.wait
		rec.Request, rec.Headers, rec.Response, rec.Binary = t.request, t.headers, t.response, t.binary
	}
	return rec
}

// micros is an hour and more at the most, which is longer than any attempt.
func micros(m delivery.Micros) uint32 { return uint32(min(max(m, 0), math.MaxUint32)) }

// add puts an attempt in its place, by number and then by time: two owners may have made one
// of the same number. It reports false for one that is there already, since a record whose
// acknowledgement was lost is in the journal twice.
func (r *row) add(made attempt) bool {
	if r.attempts == nil {
		r.attempts = make([]attempt, 0, 1) // most deliveries take one
	}
	at, found := slices.BinarySearchFunc(r.attempts, made, func(a, b attempt) int {
		return cmp.Or(cmp.Compare(a.number, b.number), cmp.Compare(a.sent, b.sent))
	})
	if !found {
		r.attempts = slices.Insert(r.attempts, at, made)
	}
	return !found
}

func (r *row) delivery() Delivery {
	o := r.origin.Value()
	d := Delivery{
		ID: r.id, Endpoint: o.endpoint, Status: r.status.public(), Reason: r.ended.Value(), Detail: r.why.Value(), life: r.life,
		Event: Event{
			ID: r.event, Source: o.source, Type: o.kind, Subject: r.subject, Topic: o.topic, Tenant: o.tenant,
		},
		Attempts: make([]Attempt, len(r.attempts)), Created: instant(r.created), Batch: r.batch.Value(), Replay: r.replay.Value(), number: int(max(r.number, r.final+1)),
	}
	if r.status == pending {
		d.scheduled, d.held = instant(r.next), instant(r.held)
		d.NextAttempt = instant(max(r.next, r.held))
	}
	for i := range r.attempts {
		a := &r.attempts[i]
		if d.Attempts[i] = Shown(a.record()); a.text != nil && a.text.dropped {
			d.Attempts[i].Response = nil // it is not empty, but unknown
		}
	}
	d.ref = delivery.EventRef{
		ID: r.event, Source: d.Event.Source, Type: d.Event.Type, Subject: r.subject, Topic: d.Event.Topic, Tenant: o.tenant,
		Partition: o.partition, Report: o.report,
		Position: bus.Position{Identity: o.identity, Seq: r.seq, Mark: r.mark},
	}
	return d
}

func nanos(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixNano()
}

func instant(ns int64) time.Time {
	if ns == 0 {
		return time.Time{}
	}
	return time.Unix(0, ns).UTC()
}
