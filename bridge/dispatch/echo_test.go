package dispatch_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/hookspan/hookspan/bridge/delivery"
	"github.com/hookspan/hookspan/bridge/endpoint"
)

// tryOnce leaves an endpoint one attempt.
func tryOnce(e *endpoint.Endpoint) { e.Schedule = endpoint.Schedule{} }

// followsAll is a world whose processes follow their own dead letters and operations events.
func followsAll(t *testing.T) *world {
	w := newWorld(t)
	w.topics = []string{">"}
	w.store.AddPartition("dead", "first")
	w.store.AddPartition("ops", "first")
	return w
}

// told counts what lies on a topic.
func (w *world) told(topic string) int { return len(w.store.Kept(partition(topic))) }

func TestFailedReportsMakeNoOthers(t *testing.T) {
	t.Parallel()
	always := map[string]delivery.Response{
		"exhausted": failure,
		"gone":      {Status: 410, Reason: delivery.ReasonGone},
	}
	for name, answer := range always {
		for _, content := range []string{"binary", "batch"} {
			t.Run(name+" "+content, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					w := followsAll(t)
					w.answer = func(string, string, int) delivery.Response { return answer }
					p := w.start(t, shards)
					for _, who := range []string{"one", "two", "three"} {
						p.register(t, who, func(e *endpoint.Endpoint) { e.Schedule, e.Content = endpoint.Schedule{}, content })
					}
					w.publish(1, 1, "a")
					pass(time.Minute)
					if n := w.told("dead"); n != 3 {
						t.Errorf("%d dead letters of one event to three endpoints, want 3", n)
					}
					if n := w.told("ops"); n != 3 {
						t.Errorf("%d operations events of one event to three endpoints, want 3", n)
					}
					if n := w.posted(); n > 3+3*2+3*2 {
						t.Errorf("%d requests: reports of reports are reported", n)
					}
					p.stop()
				})
			})
		}
	}
}

// What is told about an endpoint is for all others.
func TestReportsAreNotForTheirSubject(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := followsAll(t)
		w.answer = func(name, event string, _ int) delivery.Response {
			if name == "crm" && event == id(1) {
				return failure
			}
			return delivery.Response{Status: 200}
		}
		p := w.start(t, shards)
		p.register(t, "crm", tryOnce)
		p.register(t, "alert", func(e *endpoint.Endpoint) { e.Topics = []string{"dead", "ops"} })
		w.publish(1, 1, "a")
		pass(time.Minute)
		w.publish(2, 2, "a") // which it takes: it is well again
		pass(time.Minute)
		p.register(t, "late", func(e *endpoint.Endpoint) { e.Topics, e.Start = []string{"dead", "ops"}, "all" })
		pass(time.Minute)
		got := map[string]int{}
		for _, x := range w.all() {
			got[x.endpoint]++
		}
		if got["crm"] != 2 || got["alert"] != 3 || got["late"] != 3 {
			t.Errorf("requests %v, want 2 events for crm, its dead letter and its two operations events for alert and late", got)
		}
		p.stop()
	})
}

// Two installations that follow each other's operations topics do not echo.
func TestForeignReportsMakeNoOthers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.topics = []string{">"}
		w.store.AddPartition("other.ops", "first")
		w.store.AddPartition("other.dead", "first")
		w.store.AddPartition("orders.dead", "first")
		w.answer = func(string, string, int) delivery.Response { return failure }
		p := w.start(t, shards)
		p.register(t, "crm", tryOnce)
		report := dispatchEvent("report", "hookspan.delivery.exhausted")
		report.Source = "/hookspan"
		w.store.Publish("other.ops", report)
		letter := dispatchEvent("letter", "a")
		letter.SetExtension("hookspandelivery", "dlv_x")
		letter.SetExtension("hookspanreason", "exhausted")
		w.store.Publish("other.dead", letter)
		w.store.Publish("orders.dead", dispatchEvent("business", "a")) // somebody's topic of that name
		pass(time.Minute)
		if w.posted() != 3 {
			t.Errorf("%d requests, want 3", w.posted())
		}
		var about []string
		for _, m := range w.store.Published() {
			about = append(about, m.Topic+" "+m.Event.ID)
		}
		if len(about) != 2 || about[0] != "dead business" {
			t.Errorf("told %v, want a dead letter and an operations event of the business event alone", about)
		}
		p.stop()
	})
}
