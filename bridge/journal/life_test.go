package journal_test

import (
	"testing"
	"time"

	"github.com/hookspan/hookspan/bridge/delivery"
	"github.com/hookspan/hookspan/bridge/journal"
)

// What bounds a delivery is known from its failed attempts and its entry, and why it ended from its
// last record, until somebody takes it up again.
func TestADeliveryThatEndsByItself(t *testing.T) {
	t.Parallel()
	ix := journal.New(journal.Options{})
	a := try(1, 1, "")
	a.Life = &delivery.Life{Stored: noon.UnixNano()}
	ix.Attempted(a)
	d, _ := ix.Get("dlv_1")
	if at := d.Ends(time.Hour); at != noon.Add(time.Hour).UnixNano() || d.Ends(0) != 0 {
		t.Errorf("it ends at %v", time.Unix(0, at).UTC())
	}
	if e := d.Entry(); e.Life == nil || *e.Life != *a.Life {
		t.Errorf("as a command names it: %+v", e)
	}
	ix.Attempted(delivery.Attempt{
		Delivery: a.Delivery, Endpoint: a.Endpoint, Event: a.Event, Number: 2, Received: noon.Add(time.Hour),
		Outcome: delivery.Discarded, Ended: delivery.EndedExpired, Detail: "too old",
	})
	if d, _ = ix.Get("dlv_1"); d.Reason != "expired" || d.Detail != "too old" || len(d.Attempts) != 1 {
		t.Errorf("ended: %+v", d)
	}
	ix.Attempted(try(1, 3, delivery.Delivered))
	if d, _ = ix.Get("dlv_1"); d.Status != journal.Delivered || d.Reason != "" || d.Detail != "" {
		t.Errorf("delivered by hand: %+v", d)
	}

	e := delivery.Entry{ID: "dlv_2", Endpoint: "ep_crm", Event: ref(2), Number: 2, Due: noon, Created: noon, Life: &delivery.Life{Expiry: 5}}
	ix.Waiting(e)
	if d, _ = ix.Get("dlv_2"); d.Ends(0) != 5 {
		t.Errorf("known from its entry: %+v", d)
	}
}
