package admin_test

import (
	"fmt"
	"maps"
	"testing"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/delivery"
)

// The owner is another process: what it says of its lane and the event's place tell where the
// event is.
func TestAnEventInAnothersLaneIsFound(t *testing.T) {
	t.Parallel()
	_, s, _ := twoReplicas(t)
	at := func(seq int64) bus.Positions { return bus.Positions{"EVENTS": {Identity: "one", Seq: seq}} }
	s.endpoint("live", "")
	busy, late := s.endpoint("busy", ""), s.endpoint("late", "")
	s.endpoint("other", `,"events":["other"]`)
	now := time.Now()
	s.store("old", "t", 3, time.Hour)
	queued := s.store("queued", "t", 12, time.Minute)
	s.store("new", "t", 40, time.Second)
	slow := s.store("slow", "t", 7, time.Minute)
	s.index.Noted(delivery.Note{Endpoint: busy, At: now, Waits: delivery.WaitsLimited, Until: now.Add(time.Minute), Before: at(10), Running: []string{delivery.EntryOf(busy, &slow).ID}})
	s.index.Noted(delivery.Note{Endpoint: late, At: now, Behind: &delivery.Behind{Events: 3}, Reached: at(11)})
	for event, want := range map[string]string{
		"old":    "",
		"slow":   "busy:running",
		"queued": "(late:behind) busy:limited",
		"new":    "(late:behind) busy:limited live:running",
	} {
		if got := s.shown("event=" + event); got != want {
			t.Errorf("%s: %q, want %q", event, got, want)
		}
	}
	if s.from["EVENTS"].Seq != 10 {
		t.Errorf("looked behind %d, want 10", s.from["EVENTS"].Seq)
	}
	id := delivery.EntryOf(busy, &queued).ID
	if d := s.do("GET", "/v1/deliveries/"+id, "").object(200); d["waits"] != "limited" {
		t.Errorf("by the id that was shown: %v", d)
	}
}

// Of another's shard its owner tells what it has not read, and a new owner that what the one before
// has said is over.
func TestWhatAnotherHasNotReadIsTold(t *testing.T) {
	t.Parallel()
	_, s, _ := twoReplicas(t) // owns nothing
	id := s.endpoint("crm", "")
	now := time.Now()
	s.store("e1", "t", 12, time.Minute)
	if got := s.shown("event=e1"); got != "" {
		t.Errorf("nothing was heard: %q", got)
	}
	shard := delivery.ShardNote(delivery.ShardOf(id, shardsInAll))
	s.index.Noted(delivery.Note{Endpoint: shard, At: now, Taken: now, Read: bus.Positions{"EVENTS": {Identity: "one", Seq: 9}}})
	if got := s.shown("event=e1"); got != "(crm:behind)" || s.from["EVENTS"].Seq != 9 {
		t.Errorf("%q, looked behind %d", got, s.from["EVENTS"].Seq)
	}
	b := s.do("GET", "/v1/deliveries?event=e1", "").object(200)["behind"].([]any)[0].(map[string]any)
	if b["events"] != 3.0 || b["replica"] != "other" {
		t.Errorf("%v, want three events, as another says", b)
	}
	s.store("e2", "t", 13, time.Second)
	if got := s.shown("event=e2"); got != "crm:running" {
		t.Errorf("stored a moment ago: %q", got)
	}
	s.index.Noted(delivery.Note{Endpoint: shard, At: now.Add(time.Second), Taken: now, Read: bus.Positions{"EVENTS": {Identity: "one", Seq: 12}}})
	if got := s.shown("event=e1"); got != "" {
		t.Errorf("it was read meanwhile: %q", got)
	}
	a := attempt("dlv_a", id, "")
	a.Next = a.Received
	s.index.Attempted(a)
	until := now.Add(time.Hour).UTC().Truncate(time.Second)
	s.index.Noted(delivery.Note{Endpoint: id, At: now.Add(2 * time.Second), Held: until, HeldBy: delivery.HeldByRetryAfter})
	waits := func() any { return s.do("GET", "/v1/deliveries/dlv_a", "").object(200)["waits"] }
	if got := waits(); got != "limited" {
		t.Errorf("under a hold: %v", got)
	}
	s.index.Noted(delivery.Note{Endpoint: shard, At: now.Add(3 * time.Second), Taken: now.Add(3 * time.Second)})
	if got := waits(); got != "running" {
		t.Errorf("of an owner that says nothing of a hold: %v", got)
	}
	if held := s.do("GET", "/v1/endpoints/crm", "").object(200)["held_until"]; held != nil {
		t.Errorf("the endpoint is held until %v", held)
	}
}

// What waits in the lanes of others is listed in pages, once, and counted, like what waits here.
func TestWhatWaitsElsewhereIsListedLikeTheRest(t *testing.T) {
	t.Parallel()
	_, s, d := twoReplicas(t)
	made := endpoints(s)
	d.owned = []int{0}
	m := s.store("e1", "t", 12, time.Minute)
	want := map[string]string{} // by name: why it waits
	note := delivery.Note{At: time.Now(), Waits: delivery.WaitsLimited, Until: time.Now().Add(time.Minute), Before: bus.Positions{"EVENTS": {Identity: "one", Seq: 10}}, Queued: 7}
	s.read = 100
	for shard, ids := range made {
		for n, id := range ids {
			name := s.registry.Set().ByID(id).Name
			if note.Endpoint = id; shard != 0 {
				s.index.Noted(note)
			}
			switch {
			case shard == 0 && n == 0:
				s.waiting = append(s.waiting, waiting(id, m, delivery.Standing{Waits: delivery.WaitsOrder}))
				want[name] = "order"
			case shard != 0 && n == 0: // its record has come
				a := attempt(delivery.EntryOf(id, &m).ID, id, "")
				a.Event = delivery.RefOf(&m)
				a.Next = time.Now().Add(time.Hour)
				s.index.Attempted(a)
				want[name] = "retry"
			case shard != 0 && n == 1: // it has ended
				a := attempt(delivery.EntryOf(id, &m).ID, id, delivery.Delivered)
				a.Event = delivery.RefOf(&m)
				s.index.Attempted(a)
			case shard != 0:
				want[name] = "limited"
			}
		}
	}
	for i, limit := range []int{1, 1, 2, 3, 1000} {
		query := fmt.Sprintf("limit=%d&order=%s", limit, []string{"new", "old"}[i%2])
		got, cursor := map[string]string{}, ""
		for {
			o := s.do("GET", "/v1/deliveries?event=e1&status=pending&"+query+"&cursor="+cursor, "").object(200)
			if n := len(o["items"].([]any)); n > limit {
				t.Errorf("%s: %d items", query, n)
			}
			if o["behind"] != nil {
				t.Errorf("%s: behind %v", query, o["behind"])
			}
			for _, item := range o["items"].([]any) {
				d := item.(map[string]any)
				name := d["endpoint_name"].(string)
				if got[name] != "" {
					t.Errorf("%s: %s is listed twice", query, name)
				}
				if got[name] = d["waits"].(string); got[name] != "order" && d["until"] == nil {
					t.Errorf("%s: %s waits for %s until %v", query, name, got[name], d["until"])
				}
			}
			next, more := o["next"].(string)
			if !more {
				break
			}
			cursor = next
		}
		if !maps.Equal(got, want) {
			t.Errorf("%s: %v, want %v", query, got, want)
		}
	}
	count := s.do("POST", "/v1/deliveries/retry?dry_run=true", `{"event":"e1","status":"pending"}`).object(200)
	if count["matched"] != float64(len(want)) {
		t.Errorf("%v match, want %d", count["matched"], len(want))
	}
	s.do("POST", "/v1/deliveries/cancel", `{"event":"e1"}`).object(202)
	cancelled := 0
	for _, c := range s.commands {
		cancelled += len(c.All())
	}
	if cancelled != len(want) {
		t.Errorf("%d are cancelled, want %d", cancelled, len(want))
	}
	for shard, ids := range made {
		if shard != 0 {
			id := ids[len(ids)-1]
			name := s.registry.Set().ByID(id).Name
			if got := s.do("GET", "/v1/stats?endpoint="+name, "").object(200)["pending"].(map[string]any)["limited"]; got != 7.0 {
				t.Errorf("%v of %s are limited, want 7", got, name)
			}
			if got := s.do("POST", "/v1/endpoints/"+name+"/drain", "").object(202)["matched"]; len(ids) > 2 && got != 7.0 {
				t.Errorf("%v of %s are drained, want 7", got, name)
			}
			break
		}
	}
}

// What else is asked for holds of events that wait elsewhere, too.
func TestWhatWaitsElsewhereIsAsWanted(t *testing.T) {
	t.Parallel()
	_, s, _ := twoReplicas(t)
	id := s.endpoint("crm", "")
	m := s.store("e1", "t.one", 40, time.Second)
	m.Event.Subject = "s1"
	at := func(ago time.Duration) string { return time.Now().Add(-ago).UTC().Format(time.RFC3339) }
	for query, want := range map[string]string{
		"":                        "crm:running",
		"&type=t.*":               "crm:running",
		"&type=other":             "",
		"&subject=s1":             "crm:running",
		"&subject=s2":             "",
		"&since=" + at(time.Hour): "crm:running",
		"&until=" + at(time.Hour): "",
		"&status=delivered":       "",
		"&batch=bat_1":            "",
	} {
		if got := s.shown("event=e1" + query); got != want {
			t.Errorf("%s: %q, want %q", query, got, want)
		}
	}
	a := attempt(delivery.EntryOf(id, &m).ID, id, delivery.Delivered)
	a.Event = delivery.RefOf(&m)
	s.index.Attempted(a)
	if got := s.shown("event=e1&status=pending"); got != "" {
		t.Errorf("delivered a moment ago: %q", got)
	}
}

// Until when something waits is told where it is known: what an owner said a while ago may be over.
func TestUntilOfWhatWaitsElsewhere(t *testing.T) {
	t.Parallel()
	_, s, _ := twoReplicas(t) // owns nothing
	id := s.endpoint("crm", "")
	old := s.endpoint("old", `,"max_age":"1h"`)
	m := s.store("e1", "t", 12, time.Minute)
	a := attempt("dlv_a", id, "")
	a.Next = a.Received.Add(time.Second) // is due
	s.index.Attempted(a)
	now := time.Now().UTC().Truncate(time.Second)
	before := bus.Positions{"EVENTS": {Identity: "one", Seq: 10}}
	later, over := now.Add(time.Hour), now.Add(-time.Minute)
	text := func(at time.Time) any { return at.Format(time.RFC3339) }
	for n, c := range []struct {
		note           delivery.Note
		waits          string
		first, attempt any // of what waits for its first attempt, and of the retry
	}{
		{delivery.Note{Waits: delivery.WaitsLimited, Until: later}, "limited", text(later), text(later)},
		{delivery.Note{Waits: delivery.WaitsLimited, Until: over}, "limited", nil, nil},
		{delivery.Note{Waits: delivery.WaitsLimited}, "limited", nil, nil},
		{delivery.Note{Held: later, HeldBy: delivery.HeldByRetryAfter}, "limited", text(later), text(later)},
		{delivery.Note{Breaker: &delivery.Breaker{State: delivery.BreakerOpen, NextProbe: later}}, "breaker", text(later), text(later)},
		{delivery.Note{Breaker: &delivery.Breaker{State: delivery.BreakerOpen, NextProbe: over}}, "breaker", nil, nil},
	} {
		c.note.Endpoint, c.note.At, c.note.Before = id, now.Add(time.Duration(n)*time.Second), before
		s.index.Noted(c.note)
		first := s.do("GET", "/v1/deliveries?event=e1&endpoint=crm", "").object(200)["items"].([]any)[0].(map[string]any)
		if first["waits"] != c.waits || first["until"] != c.first {
			t.Errorf("%d: waits for %v until %v, want %s until %v", n, first["waits"], first["until"], c.waits, c.first)
		}
		if d := s.do("GET", "/v1/deliveries/"+first["id"].(string), "").object(200); d["waits"] != c.waits || d["until"] != c.first {
			t.Errorf("%d, by its id: waits for %v until %v, want %s until %v", n, d["waits"], d["until"], c.waits, c.first)
		}
		if d := s.do("GET", "/v1/deliveries/dlv_a", "").object(200); d["waits"] != c.waits || d["until"] != c.attempt {
			t.Errorf("%d, the retry: waits for %v until %v, want %s until %v", n, d["waits"], d["until"], c.waits, c.attempt)
		}
	}
	s.index.Noted(delivery.Note{Endpoint: old, At: now, Before: before, Waits: delivery.WaitsLimited})
	ends := any(m.Stored.Add(time.Hour).UTC().Format(time.RFC3339Nano))
	first := s.do("GET", "/v1/deliveries?event=e1&endpoint=old", "").object(200)["items"].([]any)[0].(map[string]any)
	if d := s.do("GET", "/v1/deliveries/"+first["id"].(string), "").object(200); first["until"] != ends || d["until"] != ends {
		t.Errorf("one that ends by its age: until %v, by its id until %v, want %v", first["until"], d["until"], ends)
	}
}
