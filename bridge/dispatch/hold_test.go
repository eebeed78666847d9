package dispatch_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hookspan/hookspan/bridge/delivery"
	"github.com/hookspan/hookspan/bridge/endpoint"
)

// holding is a world whose receivers answer the first attempt of the first event with 429 and a
// Retry-After of ten minutes, and everything else with success.
func holding(t *testing.T) *world {
	w := newWorld(t)
	w.answer = func(_, event string, n int) delivery.Response {
		if event == id(1) && n == 1 {
			return delivery.Response{Status: 429, Reason: delivery.ReasonLimited, RetryAfter: 10 * time.Minute}
		}
		return delivery.Response{Status: 200}
	}
	return w
}

// held publishes the event that is answered so, and one after it.
func (w *world) held(t *testing.T) {
	t.Helper()
	w.publish(1, 1, "a")
	pass(2 * time.Second)
	w.publish(2, 2, "a")
	pass(30 * time.Second)
	if n := w.posted(); n != 1 {
		t.Fatalf("%d requests while the endpoint is held, want 1", n)
	}
}

// reaches fails unless both events arrive within a few seconds.
func (w *world) reaches(t *testing.T, endpoint string) {
	t.Helper()
	pass(5 * time.Second)
	for n := 1; n <= 2; n++ {
		if w.delivered(endpoint, id(n)) != 1 {
			t.Errorf("event %d did not reach %s although the hold has no cause any more", n, endpoint)
		}
	}
}

func (p *process) update(t *testing.T, id string, change func(*endpoint.Endpoint)) {
	t.Helper()
	_, err := p.registry.Update(context.Background(), id, func(e *endpoint.Endpoint) (*endpoint.Endpoint, error) {
		change(e)
		return e, nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestHoldEndsWithItsCause(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(t *testing.T, p *process, e *endpoint.Endpoint){
		"another URL": func(t *testing.T, p *process, e *endpoint.Endpoint) {
			p.update(t, e.ID, func(e *endpoint.Endpoint) { e.URL = "https://other" })
		},
		"a retry by hand": func(t *testing.T, p *process, _ *endpoint.Endpoint) {
			p.mu.Lock()
			first := p.attempted[0]
			p.mu.Unlock()
			entry := delivery.Entry{ID: first.Delivery, Endpoint: first.Endpoint, Event: first.Event, Number: 2}
			if err := p.dispatcher.Command(t.Context(), delivery.Command{Kind: delivery.RetryNow, Entry: entry}); err != nil {
				t.Fatal(err)
			}
		},
		"enabled once more": func(t *testing.T, p *process, e *endpoint.Endpoint) {
			entry := delivery.Entry{Endpoint: e.ID}
			if err := p.dispatcher.Command(t.Context(), delivery.Command{Kind: delivery.EndHold, Entry: entry}); err != nil {
				t.Fatal(err)
			}
		},
		"paused and enabled": func(t *testing.T, p *process, e *endpoint.Endpoint) {
			for _, to := range []endpoint.State{endpoint.Paused, endpoint.Enabled} {
				if _, err := p.registry.SetState(t.Context(), e.ID, to, ""); err != nil {
					t.Fatal(err)
				}
				pass(time.Second)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := holding(t)
				p := w.start(t, shards)
				e := p.register(t, "crm", nil)
				w.held(t)
				end(t, p, e)
				who := "crm"
				if name == "another URL" {
					who = "other"
				}
				w.reaches(t, who)
				p.stop()
				p = w.start(t, shards) // what was lifted does not come back
				w.publish(3, 3, "a")
				pass(5 * time.Second)
				if w.delivered(who, id(3)) != 1 {
					t.Error("the hold is back after a takeover")
				}
				p.stop()
			})
		})
	}
}

// A hold outlives its owner, also one that was killed before its delta.
func TestHoldSurvivesATakeover(t *testing.T) {
	t.Parallel()
	for name, live := range map[string]time.Duration{"before its delta": 10 * time.Millisecond, "behind its delta": 3 * time.Second} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := holding(t)
				p := w.start(t, shards)
				p.register(t, "crm", nil)
				pass(2 * time.Second)
				w.publish(1, 1, "a")
				pass(50*time.Millisecond + live)
				p.kill()
				<-p.done
				p = w.start(t, shards)
				w.publish(2, 2, "a")
				pass(9 * time.Minute)
				if n := w.posted(); n != 1 {
					t.Errorf("%d requests within the hold, want 1", n)
				}
				pass(time.Minute)
				w.once(t, "crm", 1, 2)
				p.stop()
			})
		})
	}
}

// moveTo gives an endpoint another URL while no process runs, as new settings do.
func (w *world) moveTo(t *testing.T, id, url string) {
	t.Helper()
	r := w.registry(w.store.Connect())
	if err := r.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Update(t.Context(), id, func(e *endpoint.Endpoint) (*endpoint.Endpoint, error) {
		e.URL = url
		return e, nil
	}); err != nil {
		t.Fatal(err)
	}
}

// What the old URL asked for does not hold the new one, which was set while nobody ran. What that
// one asks for does.
func TestHoldStaysWithItsURL(t *testing.T) {
	t.Parallel()
	for name, live := range map[string]time.Duration{"before its delta": 10 * time.Millisecond, "behind its delta": 3 * time.Second} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := holding(t)
				inner := w.answer
				w.answer = func(name, event string, n int) delivery.Response {
					if name == "other" && event == id(3) {
						return delivery.Response{Status: 429, Reason: delivery.ReasonLimited, RetryAfter: 5 * time.Minute}
					}
					return inner(name, event, n)
				}
				p := w.start(t, shards)
				e := p.register(t, "crm", nil)
				pass(2 * time.Second)
				w.publish(1, 1, "a")
				pass(50*time.Millisecond + live)
				p.kill()
				<-p.done
				w.moveTo(t, e.ID, "https://other")
				p = w.start(t, shards)
				w.publish(2, 2, "a")
				pass(100 * time.Millisecond)
				if w.delivered("other", id(2)) != 1 {
					t.Error("the new URL is held for what the old one asked")
				}
				w.publish(3, 3, "a")
				pass(50*time.Millisecond + live)
				p.kill() // the log may still name the old URL
				<-p.done
				p = w.start(t, shards)
				w.publish(4, 4, "a")
				pass(4 * time.Minute)
				if n := w.delivered("other", id(4)); n != 0 {
					t.Errorf("%d requests within the hold that the new URL asked for", n)
				}
				pass(2 * time.Minute)
				if w.delivered("other", id(4)) != 1 {
					t.Error("the hold of the new URL does not end")
				}
				p.stop()
			})
		})
	}
}

// An endpoint is not disabled for how long it has failed at another URL.
func TestFailuresStayWithTheirURL(t *testing.T) {
	t.Parallel()
	for name, url := range map[string]string{"the same": "https://crm", "another": "https://other"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				w.answer = func(string, string, int) delivery.Response { return failure }
				p := w.start(t, shards)
				e := p.register(t, "crm", func(e *endpoint.Endpoint) {
					e.Schedule, e.DisableAfter = endpoint.Schedule{}, time.Hour
				})
				pass(2 * time.Second)
				w.publish(1, 1, "a")
				pass(50 * time.Minute)
				p.stop()
				w.moveTo(t, e.ID, url)
				pass(20 * time.Minute)
				p = w.start(t, shards)
				w.publish(2, 2, "a")
				pass(10 * time.Second)
				if is := p.registry.Set().ByID(e.ID).State; (is == endpoint.Disabled) != (url == "https://crm") {
					t.Errorf("the endpoint is %s after 70 minutes of failure at %s and one failure now at %s", is, "https://crm", url)
				}
				p.stop()
			})
		})
	}
}

// An endpoint that names no time gets less: pauses that grow, one attempt at a time, until it
// succeeds.
func TestSlowsDownWithoutRetryAfter(t *testing.T) {
	t.Parallel()
	for _, status := range []int{429, 502, 503, 504} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t)
			well := false
			w.answer = func(string, string, int) delivery.Response {
				if well {
					return delivery.Response{Status: 200}
				}
				return delivery.Response{Status: status, Reason: delivery.ReasonStatus}
			}
			p := w.start(t, shards)
			p.register(t, "crm", func(e *endpoint.Endpoint) { e.Schedule = endpoint.Waits(time.Second, time.Hour, time.Hour) })
			w.publish(1, 200, "a")
			pass(10 * time.Second)
			if n := w.posted(); n < 18 || n > 25 {
				t.Errorf("%d: %d requests in 10 s, want the first 16 and then one after each pause of 250 ms, 500 ms, 1 s, …", status, n)
			}
			w.mu.Lock()
			well = true
			w.mu.Unlock()
			pass(time.Minute)
			if n := w.posted(); n < 200 {
				t.Errorf("%d: %d requests a minute after it was well again, want all", status, n)
			}
			p.stop()
		})
	}
}

// onceBad fails the first attempt of everything.
func onceBad(_, _ string, n int) delivery.Response {
	if n == 1 {
		return failure
	}
	return delivery.Response{Status: 200}
}
