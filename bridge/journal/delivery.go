package journal

import (
	"time"

	"github.com/hookspan/hookspan/bridge/delivery"
)

// Status is where a delivery stands; a closed set.
type Status string

const (
	Pending   Status = "pending"
	Delivered Status = "delivered"
	Failed    Status = "failed"
	Discarded Status = "discarded"
)

// Statuses lists the closed set.
func Statuses() []Status { return []Status{Pending, Delivered, Failed, Discarded} }

// A Delivery is one event on its way to one endpoint, as the API shows it.
type Delivery struct {
	ID          string    `json:"id"`
	Endpoint    string    `json:"endpoint"` // the endpoint's id
	Event       Event     `json:"event"`
	Status      Status    `json:"status"`
	Reason      string    `json:"reason,omitempty"` // why it ended without success
	Detail      string    `json:"detail,omitempty"` // the same in words, of one that ended without a further attempt
	Attempts    []Attempt `json:"attempts"`
	NextAttempt time.Time `json:"next_attempt,omitzero"`
	Created     time.Time `json:"created"`
	Batch       string    `json:"batch,omitempty"`  // the Hookspan-Delivery of the batch that it travelled in
	Replay      string    `json:"replay,omitempty"` // the replay that it belongs to

	ref       delivery.EventRef
	number    int
	scheduled time.Time
	held      time.Time
	life      delivery.Life
}

// An Event names the delivered event.
type Event struct {
	ID      string `json:"id"`
	Source  string `json:"source"`
	Type    string `json:"type"`
	Subject string `json:"subject,omitempty"`
	Topic   string `json:"topic"`
	Tenant  string `json:"tenant,omitempty"` // whose it is
}

// Due is when the next attempt is made, by what the owner of its endpoint's lane said last. A
// hold that the endpoint asked for counts as long as nobody has lifted it since.
func (d *Delivery) Due(n delivery.Note, heard bool) time.Time {
	hold := d.held
	if heard && d.AttemptedBefore(n.At) {
		hold = n.Held
	}
	if hold.After(d.scheduled) {
		return hold
	}
	return d.scheduled
}

// Ends is when the delivery ends, whatever it waits for, if its endpoint takes events up to an age;
// 0 is never.
func (d *Delivery) Ends(maxAge time.Duration) int64 {
	at, _ := d.life.Ends(maxAge)
	return at
}

// AttemptedBefore reports whether no attempt is known that ended later than t.
func (d *Delivery) AttemptedBefore(t time.Time) bool {
	last := len(d.Attempts) - 1
	return last < 0 || d.Attempts[last].Received.Before(t)
}

// Entry is the delivery as a command names it: with the number of its next attempt.
func (d *Delivery) Entry() delivery.Entry {
	e := delivery.Entry{
		ID: d.ID, Endpoint: d.Endpoint, Event: d.ref, Number: d.number, Due: d.NextAttempt, Batch: d.Batch, Created: d.Created,
		Replay: d.Replay,
	}
	if d.life != (delivery.Life{}) {
		life := d.life
		e.Life = &life
	}
	return e
}

// Unrecorded is a delivery of which nothing is recorded yet.
func Unrecorded(e *delivery.Entry) Delivery {
	d := Delivery{
		ID: e.ID, Endpoint: e.Endpoint, Status: Pending, Attempts: []Attempt{}, Created: e.Created.UTC(), Batch: e.Batch, Replay: e.Replay,
		Event: Event{ID: e.Event.ID, Source: e.Event.Source, Type: e.Event.Type, Subject: e.Event.Subject, Topic: e.Event.Topic, Tenant: e.Event.Tenant},
		ref:   e.Event, number: e.Number,
	}
	if e.Life != nil {
		d.life = *e.Life
	}
	return d
}
