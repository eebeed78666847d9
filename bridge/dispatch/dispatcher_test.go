package dispatch_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/hookspan/hookspan/bridge/delivery"
	"github.com/hookspan/hookspan/bridge/dispatch/dispatchtest"
	"github.com/hookspan/hookspan/bridge/endpoint"
	"github.com/hookspan/hookspan/bridge/setting"
)

const shards = 4

// once fails unless every event of the range was delivered exactly once.
func (w *world) once(t *testing.T, endpoint string, from, to int) {
	t.Helper()
	for n := from; n <= to; n++ {
		if got := w.delivered(endpoint, id(n)); got != 1 {
			t.Errorf("event %d reached %s %d times, want once", n, endpoint, got)
		}
	}
}

func TestDeliversWhatIsPublishedAfterRegistration(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		p := w.start(t, shards)
		w.publish(1, 5, "a.b")
		pass(2 * time.Second)
		p.register(t, "crm", func(e *endpoint.Endpoint) { e.Events = []string{"a.*"} })
		w.publish(6, 25, "a.b")
		w.publish(26, 30, "other")
		pass(5 * time.Second)
		w.once(t, "crm", 6, 25)
		if len(w.posts) != 20 {
			t.Errorf("%d posts, want 20", len(w.posts))
		}
		if err := p.stop(); err != nil {
			t.Fatal(err)
		}
	})
}

func TestStartAllReadsHistory(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.publish(1, 40, "a")
		p := w.start(t, shards)
		w.publish(41, 80, "a")
		pass(3 * time.Second)
		p.register(t, "crm", func(e *endpoint.Endpoint) { e.Start = "all" })
		pass(10 * time.Second)
		w.publish(81, 90, "a")
		pass(5 * time.Second)
		w.once(t, "crm", 1, 90)
		p.stop()
	})
}

func TestRetriesUntilSuccess(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.answer = func(_, _ string, n int) delivery.Response {
			if n < 3 {
				return failure
			}
			return delivery.Response{Status: 204}
		}
		p := w.start(t, shards)
		p.register(t, "crm", nil)
		w.publish(1, 9, "a") // fewer than a breaker judges by
		pass(time.Minute)
		w.once(t, "crm", 1, 9)
		if len(w.posts) != 27 {
			t.Errorf("%d posts, want 27", len(w.posts))
		}
		p.stop()
	})
}

func TestExhaustedBecomesDeadLetter(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.answer = func(string, string, int) delivery.Response { return failure }
		p := w.start(t, shards)
		p.register(t, "crm", func(e *endpoint.Endpoint) { e.Schedule = endpoint.Waits(time.Second) })
		w.publish(1, 3, "a")
		pass(20 * time.Second)
		dead, ops := 0, 0
		for _, m := range w.store.Published() {
			switch m.Topic {
			case "dead":
				dead++
				if m.Event.Extension("hookspanreason") != "exhausted" || m.Event.Extension("hookspanattempts") != "2" {
					t.Errorf("dead letter has extensions %v", m.Event.Extensions)
				}
			case "ops":
				ops++
			}
		}
		if dead != 3 || ops != 3 {
			t.Errorf("%d dead letters and %d operations events, want 3 and 3", dead, ops)
		}
		p.stop()
	})
}

func TestGoneDisablesAndEnableGoesOn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		gone := true
		w.answer = func(string, string, int) delivery.Response {
			if gone {
				return delivery.Response{Status: 410, Reason: delivery.ReasonGone}
			}
			return delivery.Response{Status: 200}
		}
		p := w.start(t, shards)
		e := p.register(t, "crm", func(e *endpoint.Endpoint) { e.Concurrency = 1 })
		w.publish(1, 1, "a")
		pass(5 * time.Second)
		w.publish(2, 20, "a")
		pass(5 * time.Second)
		if len(w.posts) != 1 {
			t.Fatalf("%d posts to an endpoint that is gone, want 1", len(w.posts))
		}
		w.mu.Lock()
		gone = false
		w.mu.Unlock()
		if _, err := p.registry.SetState(t.Context(), e.ID, endpoint.Enabled, ""); err != nil {
			t.Fatal(err)
		}
		pass(10 * time.Second)
		w.once(t, "crm", 2, 20)
		p.stop()
	})
}

func TestGivenUpAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.answer = func(_, event string, _ int) delivery.Response {
			if event == id(1) {
				return delivery.Response{Status: 422, Reason: delivery.ReasonStatus}
			}
			return delivery.Response{Status: 200}
		}
		p := w.start(t, shards)
		p.register(t, "crm", func(e *endpoint.Endpoint) { e.GiveUpOn = setting.Statuses{{400, 428}} })
		w.publish(1, 2, "a")
		pass(time.Hour)
		if n := w.posted(); n != 2 || p.ended()[delivery.EndedRefused] != 1 {
			t.Errorf("%d posts, ended %v; want one of each event and one refused", n, p.ended())
		}
		letters := 0
		for _, m := range w.store.Published() {
			if m.Topic == "dead" && m.Event.ID == id(1) && m.Event.Extension("hookspanreason") == "refused" {
				letters++
			}
		}
		if letters != 1 {
			t.Errorf("%d dead letters of what was refused, want 1", letters)
		}
		p.stop()
	})
}

func TestDeadEndpointFallsBehindAndCatchesUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		down := true
		w.latency = func(e string) time.Duration {
			if e == "slow" && down {
				return 20 * time.Second
			}
			return time.Millisecond
		}
		w.answer = func(e, _ string, _ int) delivery.Response {
			if e == "slow" && down {
				return delivery.Response{Reason: delivery.ReasonTimeout}
			}
			return delivery.Response{Status: 200}
		}
		p := w.start(t, 1)
		p.register(t, "slow", nil)
		p.register(t, "fast", nil)
		pass(time.Second)
		w.publish(1, 3000, "a")
		pass(10 * time.Second)
		w.once(t, "fast", 1, 3000)
		w.mu.Lock()
		down = false
		w.mu.Unlock()
		pass(5 * time.Minute)
		w.once(t, "slow", 1, 3000)
		w.publish(3001, 3010, "a")
		pass(5 * time.Second)
		w.once(t, "slow", 3001, 3010)
		p.stop()
	})
}

func TestHandOverRepeatsNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.answer = func(_, e string, n int) delivery.Response {
			if n == 1 && e[len(e)-1] == '3' {
				return failure
			}
			return delivery.Response{Status: 200}
		}
		p := w.start(t, shards)
		p.register(t, "crm", nil)
		p.register(t, "erp", nil)
		for round := range 5 {
			w.publish(round*100+1, round*100+100, "a")
			pass(time.Duration(round*313) * time.Millisecond)
			if err := p.stop(); err != nil {
				t.Fatal(err)
			}
			p = w.start(t, shards)
		}
		pass(time.Minute)
		w.once(t, "crm", 1, 500)
		w.once(t, "erp", 1, 500)
		p.stop()
	})
}

func TestKillLosesNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		p := w.start(t, shards)
		p.register(t, "crm", nil)
		for round := range 8 {
			w.publish(round*50+1, round*50+50, "a")
			pass(time.Duration(round*7) * time.Millisecond)
			p.kill()
			<-p.done
			p = w.start(t, shards)
		}
		pass(time.Minute)
		for n := 1; n <= 400; n++ {
			if w.delivered("crm", id(n)) == 0 {
				t.Errorf("event %d was lost", n)
			}
		}
		p.stop()
	})
}

func TestExpiredEventIsDiscarded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.answer = func(string, string, int) delivery.Response { return failure }
		p := w.start(t, shards)
		p.register(t, "crm", func(e *endpoint.Endpoint) { e.Schedule = endpoint.Waits(time.Minute) })
		w.publish(1, 2, "a")
		pass(5 * time.Second)
		w.store.Expire(dispatchtest.Partition, 3)
		pass(2 * time.Minute)
		ended := p.ended()
		if ended[delivery.EndedExpired] != 2 {
			t.Errorf("deliveries ended as %v, want 2 expired", ended)
		}
		p.stop()
	})
}

func TestRecreatedPartitionBeginsAtItsFirstEvent(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		p := w.start(t, shards)
		p.register(t, "crm", nil)
		w.publish(1, 20, "a")
		pass(5 * time.Second)
		w.store.Recreate(dispatchtest.Partition, "second")
		w.publish(101, 105, "a")
		pass(10 * time.Second)
		w.once(t, "crm", 1, 20)
		w.once(t, "crm", 101, 105)
		p.kill()
		<-p.done
		w.store.Recreate(dispatchtest.Partition, "third")
		w.publish(201, 205, "a")
		p = w.start(t, shards)
		pass(10 * time.Second)
		w.once(t, "crm", 201, 205)
		p.stop()
	})
}
