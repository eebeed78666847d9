package dispatch

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/delivery"
	"github.com/hookspan/hookspan/bridge/dispatch/dispatchtest"
	"github.com/hookspan/hookspan/bridge/endpoint"
	"github.com/hookspan/hookspan/bridge/event"
	"github.com/hookspan/hookspan/bridge/transform"
)

func transformed(text string, more ...func(*endpoint.Endpoint)) func(*endpoint.Endpoint) {
	return func(e *endpoint.Endpoint) {
		if err := e.Transform.Parse(text); err != nil {
			panic(err)
		}
		for _, change := range more {
			change(e)
		}
	}
}

// attempts are what the journal has of an event.
func (r *rig) attempts(n int) []delivery.Attempt {
	r.t.Helper()
	var all []delivery.Attempt
	for _, data := range r.store.Journal(0) {
		r.must(delivery.DecodeAttempts(data, func(a delivery.Attempt) error {
			if a.Event.ID == dispatchtest.Event(n, "").ID {
				all = append(all, a)
			}
			return nil
		}))
	}
	return all
}

func TestATransformMakesTheRequest(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		var got []string
		r.out.seen = func(q delivery.Request) {
			got = append(got, fmt.Sprintf("%s %s %s %s %s", q.Verb(), q.URL, q.Header.Get("X-Subject"), q.Header.Get("Content-Type"), q.Body))
		}
		r.register("crm", transformed(`{body: {number: .data.n}, path: "orders/\(.data.n)", method: "PUT", headers: {"x-subject": .attributes.subject}, content_type: "application/vnd.crm+json"}`))
		r.register("raw", transformed(`"n=\(.data.n)"`, func(e *endpoint.Endpoint) { e.Content = string(event.DataContent) }))
		r.publish(1, 1, "a")
		r.feed()
		want := []string{
			`PUT https://crm/orders/1 1 application/vnd.crm+json {"number":1}`,
			`POST https://raw/  text/plain; charset=utf-8 n=1`,
		}
		if len(got) == 2 && strings.HasPrefix(got[0], "POST") {
			got[0], got[1] = got[1], got[0]
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("sent\n%s, want\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	})
}

// Null is a decision: the delivery ends, and a restart does not make it again.
func TestNullSendsNothing(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		r.register("crm", transformed(`.data | select(.n != 2)`))
		r.publish(1, 3, "a")
		r.feed()
		r.step()
		r.takeover()
		r.feed()
		r.catchUp()
		if n := r.posts(1) + r.posts(2) + r.posts(3); n != 0 {
			t.Errorf("%d sent again after a takeover", n)
		}
		got := r.attempts(2)
		if len(got) != 1 || got[0].Outcome != delivery.Discarded || got[0].Ended != delivery.EndedFiltered || !got[0].Sent.IsZero() {
			t.Errorf("recorded %+v", got)
		}
		for _, n := range []int{1, 3} {
			if got := r.attempts(n); len(got) != 1 || got[0].Outcome != delivery.Delivered {
				t.Errorf("event %d: %+v", n, got)
			}
		}
	})
}

// A transform that fails is tried again by the schedule, says nothing about the endpoint, and
// delivers once it is mended.
func TestAMendedTransformDeliversWhatWaited(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		l := r.register("crm", transformed(`.data.n.x`, func(e *endpoint.Endpoint) { e.DisableAfter = time.Second }))
		r.publish(1, 1, "a")
		r.feed()
		elapse(time.Minute + settling)
		got := r.attempts(1)
		if len(got) != 2 || got[1].Number != 2 || got[1].Reason != delivery.ReasonTransform || got[1].Outcome != "" || !strings.HasPrefix(got[1].Detail, "the transform: a value of type number") {
			t.Fatalf("recorded %+v", got)
		}
		if r.posts(1) != 0 || !l.failing.IsZero() {
			t.Errorf("sent %d times, failing since %v", r.posts(1), l.failing)
		}
		r.edit(l.ep.ID, transformed(`.data.n`))
		r.apply()
		elapse(time.Minute + settling)
		if got := r.attempts(1); r.posts(1) != 1 || got[len(got)-1].Outcome != delivery.Delivered {
			t.Errorf("sent %d times, recorded %+v", r.posts(1), got)
		}
	})
}

func TestTransformsThatFail(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		for name, c := range map[string][2]string{
			"host":  {`{body: 1, headers: {Host: "x"}}`, "the transform: headers.Host is set by the request itself"},
			"ce":    {`{body: 1, headers: {"ce-id": "x"}}`, "the transform: headers.ce-id is set by"},
			"hook":  {`{body: 1, headers: {"webhook-signature": "x"}}`, "the transform: headers.webhook-signature is set by"},
			"type":  {`{body: 1, headers: {"Content-Type": "x"}}`, "the transform: headers.Content-Type is set by"},
			"lines": {`{body: 1, headers: {a: "b\r\nc: d"}}`, "the transform: headers.a has a value with"},
			"name":  {`{body: 1, headers: {"a b": "c"}}`, "the transform: headers has a name"},
			"long":  {`[range(1e9)]`, "the transform: takes too long"},
			"error": {`error("no order")`, "the transform: raised: no order"},
		} {
			r.register(name, transformed(c[0]))
		}
		r.publish(1, 1, "a")
		r.feed()
		elapse(time.Second)
		told := 0
		for _, a := range r.attempts(1) {
			for _, why := range []string{"set by the request itself", "has a value with", "has a name", "takes too long", "raised: no order"} {
				if a.Reason == delivery.ReasonTransform && a.Status == 0 && strings.Contains(a.Detail, why) {
					told++
				}
			}
		}
		if told != 8 || r.posts(1) != 0 {
			t.Errorf("%d of 8 failed as they should, %d sent: %+v", told, r.posts(1), r.attempts(1))
		}
	})
}

// A signature is over what is sent, and names the method and the address that it goes to.
func TestTheSignatureIsOverWhatIsSent(t *testing.T) {
	t.Parallel()
	ep := endpoint.Default()
	ep.Name, ep.URL, ep.Signature = "crm", "https://crm.example/hooks?k=v", "hmac"
	ep.Secrets = []string{"a secret of more than sixteen bytes"}
	ep.Options = map[string]string{"header": "X-Sig", "template": "{method} {url} {body}"}
	transformed(`{body: {n: .data.n}, path: "x", method: "PATCH"}`)(ep)
	d := &Dispatcher{transforms: transform.NewRoom()}
	e := dispatchtest.Event(1, "a")
	made, err := d.transform(t.Context(), nil, endpoint.Default(), &e)
	if made != nil || err != nil {
		t.Fatal(made, err)
	}
	if made, err = d.transform(t.Context(), transform.NewTurn(), ep, &e); err != nil {
		t.Fatal(err)
	}
	group := []*pendingDelivery{{Entry: &delivery.Entry{}, event: &e}}
	shaped, err := d.outbound(ep).shaped(group, made, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	same := ep.Clone()
	same.URL, same.Transform = "https://crm.example/hooks/x?k=v", endpoint.Transform{}
	plain := e
	plain.Data = []byte(`{"n":1}`)
	by, err := d.outbound(same).request([]*pendingDelivery{{Entry: &delivery.Entry{}, event: &plain}}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if shaped.URL != same.URL || shaped.Method != http.MethodPatch || string(shaped.Body) != `{"n":1}` || shaped.Header.Get("X-Sig") == by.Header.Get("X-Sig") || by.Header.Get("X-Sig") == "" {
		t.Errorf("sent %s %s %s, signed %s and by POST %s", shaped.Method, shaped.URL, shaped.Body, shaped.Header.Get("X-Sig"), by.Header.Get("X-Sig"))
	}
	if string(e.Data) != `{"n":1}` || e.DataContentType != "application/json" {
		t.Errorf("the event was changed: %+v", e)
	}
}

// A transform may take its time: what was asked before it is asked again after it.
func TestWhatChangesDuringATransformIsSeen(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		l := r.register("crm", transformed(".data"))
		a := attempt{shard: r.s, lane: l, ep: l.ep, out: l.outbound}
		if !a.mayStill() {
			t.Fatal("nothing has changed")
		}
		l.breaker = breaker{state: delivery.BreakerOpen}
		if a.mayStill() {
			t.Error("sent behind an open breaker")
		}
		if a.probed = time.Now(); !a.mayStill() {
			t.Error("the probe is not sent")
		}
		l.breaker = breaker{}
		var lost bus.Lease = never{}
		r.s.lease.Store(&lost)
		if a.mayStill() {
			t.Error("sent without a lease")
		}
		r.s.lease.Store(nil)
		_, err := r.reg.SetState(t.Context(), l.ep.ID, endpoint.Paused, "")
		r.must(err)
		r.apply()
		if a.mayStill() {
			t.Error("sent to an endpoint that is paused")
		}
	})
}
