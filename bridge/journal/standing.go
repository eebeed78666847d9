package journal

import (
	"unique"

	"github.com/hookspan/hookspan/bridge/delivery"
)

// Where a delivery stands follows from the numbers of its attempts, not from the order in which
// their records come: an owner that lost its shard without knowing finishes what it had begun
// beside the next one, a record may land long after it was sent, and what a shard's log says is
// older than its journal. So what is behind the furthest that is known changes nothing, and of
// two ends by attempts of one number success stands.

// judge takes in what a record says about where the delivery stands.
func (r *row) judge(a *delivery.Attempt) {
	n, said := int32(a.Number), statusOf(a.Outcome)
	switch {
	case n+1 < r.number: // a later attempt was made
	case n+1 == r.number && r.told: // its shard's log says what came of it
	case n > r.final, n == r.final && said == delivered && r.status != pending:
		r.status, r.ended, r.next = said, unique.Make(string(a.Ended)), nanos(a.Next)
		r.held, r.told, r.why = nanos(a.Hold), false, none
		if a.Sent.IsZero() { // it ended without an attempt that could say
			r.why = unique.Make(a.Detail)
		}
		if said != pending {
			r.final, r.next = n, nanos(a.Received)
		}
	}
	if !a.Sent.IsZero() {
		n++ // what follows is the next one; an end without a POST is that of the attempt waited for
	}
	r.number = max(r.number, n)
}

// wait takes in what an entry of the shard's log says.
func (r *row) wait(e *delivery.Entry) {
	if created := nanos(e.Created); created != 0 {
		r.created = created
	}
	if e.Batch != "" {
		r.batch = unique.Make(e.Batch)
	}
	if e.Replay != "" {
		r.replay = unique.Make(e.Replay)
	}
	if e.Life != nil {
		r.life = *e.Life
	}
	if n := int32(e.Number); n > r.final && n >= r.number {
		r.status, r.ended, r.why, r.next, r.held, r.number, r.told = pending, none, none, nanos(e.Due), 0, n, true
	}
	if r.created == 0 {
		r.created = nanos(e.Due)
	}
}
