package admin_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/delivery"
	"github.com/hookspan/hookspan/bridge/event"
)

// endpoint makes one and returns its id.
func (s *server) endpoint(name, more string) string {
	s.t.Helper()
	return s.do("POST", "/v1/endpoints", `{"name":"`+name+`","url":"https://e.example/","signature":"none"`+more+`}`).object(201)["id"].(string)
}

// store makes an event that Locate finds.
func (s *server) store(id, typ string, seq int64, ago time.Duration) bus.Message {
	m := bus.Message{
		Topic: "hookspan.events.shop", Partition: "EVENTS", Position: bus.Position{Identity: "one", Seq: seq}, Stored: time.Now().Add(-ago),
		Event: &event.Event{ID: id, Source: "/s", Type: typ},
	}
	s.stored = append(s.stored, m)
	return m
}

// shown lists what an answer says of an event: "endpoint:waits", behind ones in brackets.
func (s *server) shown(query string) string {
	s.t.Helper()
	o := s.do("GET", "/v1/deliveries?"+query, "").object(200)
	var all []string
	for _, item := range o["items"].([]any) {
		d := item.(map[string]any)
		all = append(all, fmt.Sprint(d["endpoint_name"], ":", d["waits"]))
	}
	behind, _ := o["behind"].([]any)
	for _, item := range behind {
		d := item.(map[string]any)
		text := fmt.Sprint("(", d["endpoint_name"], ":", d["waits"], ")")
		if d["unknown"] != nil {
			text += "?"
		}
		all = append(all, text)
	}
	slices.Sort(all)
	return strings.Join(all, " ")
}

func waiting(endpoint string, m bus.Message, st delivery.Standing) delivery.Waiting {
	return delivery.Waiting{Entry: delivery.EntryOf(endpoint, &m), Standing: st}
}

func TestAnEventIsFoundWhereItWaits(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	held, paused := s.endpoint("held", ""), s.endpoint("paused", `,"events":["t.*"]`)
	s.endpoint("other", `,"events":["other"]`)
	late := s.endpoint("late", "")
	s.do("POST", "/v1/endpoints/paused/pause", "").object(200)
	for _, id := range []string{paused, late, s.registry.Set().ByName("other").ID} {
		s.behind[id] = &delivery.Behind{Events: 3}
	}
	until := time.Now().Add(time.Minute).UTC().Truncate(time.Millisecond)
	e1 := s.store("e1", "t.one", 9, time.Minute)
	e1.Tenant, e1.TenantRule = "acme", "tenant"
	s.stored[0] = e1
	s.waiting = append(s.waiting, waiting(held, e1, delivery.Standing{Waits: delivery.WaitsLimited, Until: until}))

	for query, want := range map[string]string{
		"event=e1":                  "(late:behind) (paused:paused) held:limited",
		"event=e1&endpoint=held":    "held:limited",
		"event=e1&endpoint=paused":  "(paused:paused)",
		"event=e1&endpoint=other":   "",
		"event=e1&status=delivered": "",
		"event=e1&status=pending":   "(late:behind) (paused:paused) held:limited",
		"event=never":               "",
		"status=pending":            "held:limited",
		"type=t.one":                "held:limited",
		"type=t.two":                "",
		"tenant=acme":               "held:limited",
		"tenant=other":              "",
		"event=e1&tenant=acme":      "(late:behind) (paused:paused) held:limited",
		"event=e1&tenant=other":     "",
	} {
		if got := s.shown(query); got != want {
			t.Errorf("%s: %q, want %q", query, got, want)
		}
	}
	s.tired = true
	if got := s.shown("event=e2"); got != "(late:behind)? (other:behind)? (paused:paused)?" {
		t.Errorf("an event that cannot be found in time: %q", got)
	}
	a := attempt("dlv_e2", held, delivery.Delivered)
	a.Event = delivery.EventRef{ID: "e2", Source: "/s", Type: "t.two", Topic: "hookspan.events.shop", Partition: "EVENTS", Position: bus.Position{Identity: "one", Seq: 2}}
	s.index.Attempted(a)
	if got := s.shown("event=e2"); got != "(late:behind)? (paused:paused)? held:<nil>" {
		t.Errorf("one whose type is known by what became of it elsewhere: %q", got)
	}
	one := s.do("GET", "/v1/deliveries/"+s.waiting[0].ID, "").object(200)
	if one["status"] != "pending" || one["waits"] != "limited" || one["until"] != until.Format(time.RFC3339Nano) || one["next_attempt"] != nil {
		t.Errorf("by its id: %v", one)
	}
	s.do("POST", "/v1/deliveries/"+s.waiting[0].ID+"/retry", "").object(202)
	if c := s.commands; len(c) != 1 || c[0].Entry.Event.Seq != 9 || c[0].Entry.Number != 1 {
		t.Errorf("commands %+v", c)
	}
}

func TestListBeginsWithWhatWaits(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	id := s.endpoint("crm", "")
	for n := range 5 {
		m := s.store(fmt.Sprint("e", n), "t", int64(n), time.Duration(n)*time.Second)
		s.waiting = append(s.waiting, waiting(id, m, delivery.Standing{Waits: delivery.WaitsRunning}))
	}
	s.index.Attempted(attempt("dlv_a", id, delivery.Delivered))
	s.index.Attempted(attempt("dlv_b", id, ""))
	recorded := attempt(s.waiting[4].ID, id, "") // its attempt was recorded by now
	s.index.Attempted(recorded)
	newest := []string{"e0", "e1", "e2", "e3", "evt-" + s.waiting[4].ID, "evt-dlv_b", "evt-dlv_a"}
	oldest := slices.Clone(newest)
	slices.Reverse(oldest)
	for i := range 20 {
		limit, order, want := i/2+1, "new", newest
		if i%2 == 1 {
			order, want = "old", oldest
		}
		var got []string
		cursor := ""
		for {
			o := s.do("GET", fmt.Sprintf("/v1/deliveries?limit=%d&order=%s&cursor=%s", limit, order, cursor), "").object(200)
			for _, item := range o["items"].([]any) {
				got = append(got, item.(map[string]any)["event"].(map[string]any)["id"].(string))
			}
			next, more := o["next"].(string)
			if !more {
				break
			}
			cursor = next
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s in pages of %d: %v, want %v", order, limit, got, want)
		}
	}
}

func TestPendingDeliveriesSayWhyTheyWait(t *testing.T) {
	t.Parallel()
	_, s, _ := twoReplicas(t) // owns nothing
	id := s.endpoint("crm", "")
	next := time.Now().Add(time.Hour).UTC().Truncate(time.Second)
	a := attempt("dlv_a", id, "")
	a.Next = next
	s.index.Attempted(a)
	wants := func(waits delivery.Cause, until, due any) {
		t.Helper()
		if d := s.do("GET", "/v1/deliveries/dlv_a", "").object(200); d["waits"] != string(waits) || d["until"] != until || d["next_attempt"] != due {
			t.Errorf("waits %v until %v, next %v; want %v until %v, next %v", d["waits"], d["until"], d["next_attempt"], waits, until, due)
		}
	}
	at := next.Format(time.RFC3339)
	wants(delivery.WaitsRetry, at, at)
	held := next.Add(time.Hour)
	s.index.Noted(delivery.Note{Endpoint: id, At: time.Now(), Held: held, HeldBy: delivery.HeldBySlowing})
	wants(delivery.WaitsLimited, held.Format(time.RFC3339), held.Format(time.RFC3339))
	s.index.Noted(delivery.Note{Endpoint: id, At: time.Now().Add(time.Second), Running: []string{"dlv_a"}})
	wants(delivery.WaitsRunning, nil, nil)
	a.Number, a.Sent, a.Received, a.Hold = 2, time.Now().Add(time.Minute), time.Now().Add(2*time.Minute), held
	s.index.Attempted(a) // newer than the note
	wants(delivery.WaitsRetry, held.Format(time.RFC3339), held.Format(time.RFC3339))
	s.index.Noted(delivery.Note{Endpoint: id, At: time.Now().Add(3 * time.Minute), Held: held, HeldBy: delivery.HeldByRetryAfter})
	wants(delivery.WaitsLimited, held.Format(time.RFC3339), held.Format(time.RFC3339))
	s.index.Noted(delivery.Note{Endpoint: id, At: time.Now().Add(4 * time.Minute)}) // somebody has lifted it
	wants(delivery.WaitsRetry, at, at)
	probe := next.Add(5 * time.Minute)
	s.index.Noted(delivery.Note{Endpoint: id, At: time.Now().Add(5 * time.Minute), Breaker: &delivery.Breaker{State: delivery.BreakerOpen, NextProbe: probe}})
	wants(delivery.WaitsBreaker, probe.Format(time.RFC3339), probe.Format(time.RFC3339))
	s.index.Noted(delivery.Note{Endpoint: id, At: time.Now().Add(6 * time.Minute), Breaker: &delivery.Breaker{State: delivery.BreakerOpen, NextProbe: next.Add(-time.Minute)}})
	wants(delivery.WaitsRetry, at, at) // the probe is made before its time
	s.do("POST", "/v1/endpoints/crm/pause", "").object(200)
	wants(delivery.WaitsPaused, nil, at)
}

// What is stored and was not read yet is said to wait, and is not taken for what never was.
func TestAnEventThatNobodyHasReadIsTold(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	live := s.endpoint("live", "")
	s.endpoint("other", `,"events":["other"]`)
	s.endpoint("paused", "")
	s.do("POST", "/v1/endpoints/paused/pause", "").object(200)
	s.read = 9
	s.store("e1", "t", 9, time.Minute)
	s.store("e2", "t", 12, time.Minute)
	for query, want := range map[string]string{
		"event=e1":                  "",
		"event=e2":                  "(live:behind) (paused:paused)",
		"event=e2&endpoint=other":   "",
		"event=e2&status=delivered": "",
		"event=never":               "",
	} {
		if got := s.shown(query); got != want {
			t.Errorf("%s: %q, want %q", query, got, want)
		}
	}
	if s.from["EVENTS"].Seq != 9 || !s.since.IsZero() {
		t.Errorf("looked behind %d since %v, want 9 at any time", s.from["EVENTS"].Seq, s.since)
	}
	behind := s.do("GET", "/v1/deliveries?event=e2&endpoint=live", "").object(200)["behind"].([]any)
	if b := behind[0].(map[string]any); b["events"] != 3.0 || b["about"] != true || b["replica"] != nil {
		t.Errorf("%v, want about 3 events to look through", b)
	}
	e2 := s.stored[1]
	s.waiting = append(s.waiting, waiting(live, e2, delivery.Standing{Waits: delivery.WaitsLimited}))
	if got := s.shown("event=e2&endpoint=live"); got != "live:limited" {
		t.Errorf("read since it was asked for: %q", got)
	}
}

func TestABatchIsFoundByItsId(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	id := s.endpoint("crm", "")
	for _, name := range []string{"dlv_a", "dlv_b"} {
		a := attempt(name, id, "")
		a.Batch = "bat_one"
		s.index.Attempted(a)
	}
	s.index.Attempted(attempt("dlv_c", id, ""))
	for _, path := range []string{"/v1/deliveries/bat_one", "/v1/deliveries?batch=bat_one"} {
		items := s.do("GET", path, "").object(200)["items"].([]any)
		if len(items) != 2 || items[0].(map[string]any)["batch"] != "bat_one" {
			t.Errorf("%s: %v", path, items)
		}
	}
	s.do("POST", "/v1/deliveries/bat_one/retry", "").object(202)
	if len(s.commands) != 1 || len(s.commands[0].All()) != 2 {
		t.Errorf("commands %v, want one about both members", s.commands)
	}
	s.do("GET", "/v1/deliveries/bat_none", "").problem(404, "not_found")
}
