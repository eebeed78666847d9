package dispatch_test

import (
	"encoding/json"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hookspan/hookspan/bridge/delivery"
	"github.com/hookspan/hookspan/bridge/endpoint"
	"github.com/hookspan/hookspan/schemas/schematest"
)

var noListener = delivery.Response{Reason: delivery.ReasonConnect, Detail: "the connection was refused", Refused: true}

// An outage is a world whose receivers can be made to fail.
type outage struct {
	*world
	res delivery.Response
}

func newOutage(t *testing.T, res delivery.Response) *outage {
	o := &outage{world: newWorld(t), res: res}
	o.answer = func(string, string, int) delivery.Response { return o.res }
	return o
}

func (o *outage) becomes(res delivery.Response) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.res = res
}

var fine = delivery.Response{Status: 200}

// breaker is what the owner says of an endpoint's.
func (p *process) breaker(t *testing.T, id string) delivery.Breaker {
	t.Helper()
	n := p.dispatcher.Note(id)
	switch {
	case n == nil:
		t.Fatalf("nothing is known of %s", id)
	case n.Breaker == nil:
		return delivery.Breaker{State: delivery.BreakerClosed}
	}
	return *n.Breaker
}

// told are the operations events about breakers, in order; all of them fit their schemas.
func (o *outage) told(t *testing.T) string {
	t.Helper()
	var all []string
	for _, m := range o.store.Published() {
		if !strings.Contains(m.Event.Type, ".breaker-") {
			continue
		}
		if err := schematest.OpsEvent(m.Event.Type, m.Event.Data); err != nil {
			t.Error(err)
		}
		var told struct{ Name, Reason string }
		if err := json.Unmarshal(m.Event.Data, &told); err != nil || told.Name != m.Event.Subject {
			t.Errorf("%s, %v", m.Event.Data, err)
		}
		all = append(all, strings.TrimPrefix(m.Event.Type, "hookspan.endpoint.breaker-")+": "+told.Reason)
	}
	return strings.Join(all, "; ")
}

// Ten refused connections open it, probes come after 5, 10, 20, … s, what is held uses up no
// attempts, and one success lets everything through.
func TestABreakerHoldsWhatADeadEndpointIsOwed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newOutage(t, noListener)
		p := w.start(t, shards)
		e := p.register(t, "crm", func(e *endpoint.Endpoint) { e.Concurrency = 1 })
		began := time.Now()
		w.publish(1, 40, "a")
		pass(3 * time.Second)
		b := p.breaker(t, e.ID)
		if n := w.posted(); n != 10 || b.State != delivery.BreakerOpen || b.Since.Sub(began) > time.Second || b.NextProbe != b.Since.Add(5*time.Second) {
			t.Fatalf("%d requests, then %+v; want 10, and open with a probe after 5 s", n, b)
		}
		pending := p.dispatcher.Stats().Pending
		if pending["breaker"] != 40 {
			t.Errorf("pending %v, want 40 that wait for the breaker", pending)
		}
		for _, x := range p.dispatcher.Waiting(func(*delivery.Entry) bool { return true }) {
			if x.Waits != delivery.WaitsBreaker || x.Until != b.NextProbe || !x.Standing.Due.IsZero() && x.Standing.Due != b.NextProbe {
				t.Errorf("%s: %+v, want breaker until %v", x.ID, x.Standing, b.NextProbe)
			}
		}
		var at []time.Duration
		pass(70 * time.Second)
		for _, x := range w.all()[10:] {
			at = append(at, x.at.Sub(b.Since).Round(time.Second))
		}
		if len(at) != 3 || at[0] != 5*time.Second || at[1] != 15*time.Second || at[2] != 35*time.Second {
			t.Errorf("probes after %v, want 5s, 15s, 35s", at)
		}
		w.becomes(fine)
		pass(10 * time.Second)
		if n := w.posted(); n != 10+4+39 {
			t.Errorf("%d requests, want 10 before it opened, 4 probes, and one for each of the rest", n)
		}
		for n := 1; n <= 40; n++ {
			if w.delivered("crm", id(n)) != 1 {
				t.Errorf("event %d was delivered %d times", n, w.delivered("crm", id(n)))
			}
		}
		for _, x := range w.all() {
			if x.attempt > 3 {
				t.Errorf("attempt %d of event %s", x.attempt, x.event)
			}
		}
		if b := p.breaker(t, e.ID); b.State != delivery.BreakerClosed {
			t.Errorf("after a success it is %+v", b)
		}
		if got := w.told(t); got != "opened: 10 connections in a row were refused; closed: an attempt succeeded" {
			t.Errorf("told is %q", got)
		}
		w.publish(41, 45, "a")
		pass(time.Second)
		w.once(t, "crm", 41, 45)
		_ = p.stop()
	})
}

// An endpoint that fails for some events gets all others at once, however often those are tried.
func TestABreakerLeavesAnEndpointThatFailsForSomeEvents(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.answer = func(_, event string, _ int) delivery.Response {
			if strings.HasSuffix(event, "7") || strings.HasSuffix(event, "3") {
				return failure
			}
			return fine
		}
		p := w.start(t, shards)
		e := p.register(t, "crm", nil)
		for n := 1; n <= 600; n++ {
			w.publish(n, n, "a")
			pass(100 * time.Millisecond)
			if b := p.breaker(t, e.ID); b.State != delivery.BreakerClosed {
				t.Fatalf("after event %d it is %+v", n, b)
			}
		}
		_ = p.stop()
	})
}

// A breaker that is open stays open for whoever takes the shard over, until its next probe; a kill
// does not spare an endpoint's deliveries the wait.
func TestABreakerSurvivesATakeover(t *testing.T) {
	t.Parallel()
	for _, kill := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			w := newOutage(t, failure)
			p := w.start(t, shards)
			e := p.register(t, "crm", nil)
			w.publish(1, 60, "a")
			pass(90 * time.Second)
			was := p.breaker(t, e.ID)
			if kill {
				p.kill()
				<-p.done
			} else {
				_ = p.stop()
			}
			p = w.start(t, shards)
			pass(time.Second)
			posts := w.posted()
			if b := p.breaker(t, e.ID); b.State != delivery.BreakerOpen || !b.Since.Equal(was.Since) || !b.NextProbe.Equal(was.NextProbe) {
				t.Errorf("kill %v: %+v, want %+v", kill, b, was)
			}
			w.becomes(fine)
			pass(time.Until(was.NextProbe) - time.Second)
			if n := w.posted() - posts; n != 0 {
				t.Errorf("kill %v: %d requests before the probe", kill, n)
			}
			pass(30 * time.Second)
			w.once(t, "crm", 1, 60)
			_ = p.stop()
		})
	}
}

// What an operator does makes a probe at once: the delivery that is retried, or any.
func TestAnOperatorMakesAProbe(t *testing.T) {
	t.Parallel()
	for name, act := range map[string]func(t *testing.T, p *process, e *endpoint.Endpoint, d delivery.Attempt){
		"retry": func(t *testing.T, p *process, _ *endpoint.Endpoint, d delivery.Attempt) {
			entry := delivery.Entry{ID: d.Delivery, Endpoint: d.Endpoint, Event: d.Event, Number: d.Number + 1}
			if err := p.dispatcher.Command(t.Context(), delivery.Command{Kind: delivery.RetryNow, Entry: entry}); err != nil {
				t.Fatal(err)
			}
		},
		"enable": func(t *testing.T, p *process, e *endpoint.Endpoint, _ delivery.Attempt) {
			if err := p.dispatcher.Command(t.Context(), delivery.Command{Kind: delivery.EndHold, Entry: delivery.Entry{Endpoint: e.ID}}); err != nil {
				t.Fatal(err)
			}
		},
		"pause and resume": func(t *testing.T, p *process, e *endpoint.Endpoint, _ delivery.Attempt) {
			for _, to := range []endpoint.State{endpoint.Paused, endpoint.Enabled} {
				if _, err := p.registry.SetState(t.Context(), e.ID, to, ""); err != nil {
					t.Fatal(err)
				}
				pass(100 * time.Millisecond)
				if b := p.breaker(t, e.ID); to == endpoint.Paused && (b.State != delivery.BreakerOpen || !b.NextProbe.IsZero()) {
					t.Errorf("paused it is %+v, want open without a next probe", b)
				}
			}
		},
	} {
		for _, well := range []bool{true, false} {
			synctest.Test(t, func(t *testing.T) {
				w := newOutage(t, noListener)
				p := w.start(t, shards)
				e := p.register(t, "crm", func(e *endpoint.Endpoint) {
					e.Concurrency, e.Schedule = 1, endpoint.Waits(time.Minute, time.Minute, time.Minute, time.Minute)
				})
				w.publish(1, 40, "a")
				pass(50 * time.Second) // the next probe is 30 s off
				posts := w.posted()
				if well {
					w.becomes(fine)
				}
				p.mu.Lock()
				fifth := p.attempted[4]
				p.mu.Unlock()
				act(t, p, e, fifth)
				pass(3 * time.Second)
				made := w.all()[posts:]
				b := p.breaker(t, e.ID)
				switch {
				case len(made) == 0:
					t.Fatalf("%s: no probe", name)
				case name == "retry" && made[0].event != fifth.Event.ID:
					t.Errorf("%s: the probe is of %s, want %s", name, made[0].event, fifth.Event.ID)
				case well && (b.State != delivery.BreakerClosed || w.delivered("crm", id(40)) != 1):
					t.Errorf("%s: it is well, and the breaker %+v", name, b)
				case !well && (len(made) != 1 || b.State != delivery.BreakerOpen):
					t.Errorf("%s: it is not well, and got %d requests; %+v", name, len(made), b)
				case !well && name == "retry" && b.NextProbe.Sub(made[0].at) < time.Minute:
					t.Errorf("%s: the next probe is %v after it, want the doubled wait", name, b.NextProbe.Sub(made[0].at))
				}
				_ = p.stop()
			})
		}
	}
}

func TestABreakerIsOfOneAddress(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newOutage(t, noListener)
		w.answer = func(name, _ string, _ int) delivery.Response {
			if name == "crm" {
				return noListener
			}
			return fine
		}
		p := w.start(t, shards)
		e := p.register(t, "crm", nil)
		w.publish(1, 40, "a")
		pass(20 * time.Second)
		p.update(t, e.ID, func(e *endpoint.Endpoint) { e.URL = "https://other" })
		pass(5 * time.Second)
		if b := p.breaker(t, e.ID); b.State != delivery.BreakerClosed || !strings.HasSuffix(w.told(t), "; closed: its url was changed") {
			t.Errorf("at another address it is %+v, and told %q", b, w.told(t))
		}
		for n := 20; n <= 40; n++ {
			if w.delivered("other", id(n)) != 1 {
				t.Errorf("event %d was not delivered there", n)
			}
		}
		_ = p.stop()
	})
}

// An endpoint that is dead for disable_after is disabled behind its breaker, too.
func TestABreakerDoesNotKeepAnEndpointFromBeingDisabled(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newOutage(t, failure)
		p := w.start(t, shards)
		e := p.register(t, "crm", func(e *endpoint.Endpoint) { e.DisableAfter = time.Hour })
		w.publish(1, 100, "a")
		pass(59 * time.Minute)
		if s := p.registry.Set().ByID(e.ID).State; s != endpoint.Enabled {
			t.Errorf("after 59 minutes it is %s", s)
		}
		pass(7 * time.Minute)
		if s := p.registry.Set().ByID(e.ID).State; s != endpoint.Disabled {
			t.Errorf("after 66 minutes it is %s", s)
		}
		_ = p.stop()
	})
}

// A dead endpoint keeps one event in memory, not what its lane may hold.
func TestABreakerLeavesEventsInTheTopics(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newOutage(t, noListener)
		p := w.start(t, shards)
		e := p.register(t, "crm", func(e *endpoint.Endpoint) { e.Concurrency = 1 })
		w.publish(1, 300, "a")
		pass(2 * time.Second)
		if n := p.dispatcher.Note(e.ID); n.Behind == nil || n.Behind.Events < 285 {
			t.Errorf("as it opens, behind are %+v", n.Behind)
		}
		pass(7 * time.Second)
		w.publish(301, 600, "a")
		pass(20 * time.Second)
		n := p.dispatcher.Note(e.ID)
		if n.Behind == nil || n.Behind.Events < 580 {
			t.Errorf("behind are %+v", n.Behind)
		}
		if got := p.dispatcher.Stats().Pending; got["breaker"]+got["retry"] != 600 || got["behind"] != 0 {
			t.Errorf("pending %v, want all 600 for the breaker or their retry", got)
		}
		w.becomes(fine)
		pass(2 * time.Minute)
		w.once(t, "crm", 1, 600)
		_ = p.stop()
	})
}
