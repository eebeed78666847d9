package dispatch_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/delivery"
	"github.com/hookspan/hookspan/bridge/dispatch/dispatchtest"
	"github.com/hookspan/hookspan/bridge/endpoint"
	"github.com/hookspan/hookspan/bridge/event"
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

// foreign are an operations event and a dead letter of another installation.
func foreign() (report, letter event.Event) {
	report = dispatchEvent("report", "hookspan.delivery.exhausted")
	report.Source = "/hookspan"
	letter = dispatchEvent("letter", "a")
	letter.SetExtension("hookspandelivery", "dlv_x")
	letter.SetExtension("hookspanreason", "exhausted")
	return report, letter
}

// toldOf lists what was told of which events.
func (w *world) toldOf() (list []string) {
	for _, m := range w.store.Published() {
		list = append(list, m.Topic+" "+m.Event.ID)
	}
	return list
}

// Two installations that follow each other's reports do not echo, whatever the topics are called.
func TestForeignReportsMakeNoOthers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.topics = []string{">"}
		w.answer = func(string, string, int) delivery.Response { return failure }
		report, letter := foreign()
		relayed := dispatchEvent("relayed", "webhook.peer") // came by a webhook that said nothing but what it is
		relayed.SetExtension("hookspanreport", "true")
		topics := []bus.Partition{"other.ops", "other.dead", "alerts", "orders.dead"}
		for _, topic := range topics {
			w.store.AddPartition(topic, "first")
		}
		p := w.start(t, shards)
		p.register(t, "crm", tryOnce)
		for _, topic := range topics {
			for _, e := range []event.Event{report, letter, relayed} {
				w.store.Publish(topic, e)
			}
		}
		w.store.Publish("orders.dead", dispatchEvent("business", "a")) // somebody's topic of that name
		pass(time.Minute)
		if n := w.posted(); n != 3*len(topics)+1 {
			t.Errorf("%d requests, want one for each event", n)
		}
		if about := w.toldOf(); len(about) != 2 || about[0] != "dead business" {
			t.Errorf("told %v, want a dead letter and an operations event of the business event alone", about)
		}
		p.stop()
	})
}

// A report is still known as one when its event is not stored any more, also by a successor.
func TestReportsThatAreGoneMakeNoOthers(t *testing.T) {
	t.Parallel()
	for name, live := range map[string]time.Duration{"by the journal": 100 * time.Millisecond, "by the log": 10 * time.Second} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				w.answer = func(string, string, int) delivery.Response { return failure }
				p := w.start(t, shards)
				p.register(t, "crm", func(e *endpoint.Endpoint) { e.Schedule = endpoint.Waits(time.Minute) })
				pass(2 * time.Second)
				report, letter := foreign()
				for _, e := range []event.Event{report, letter, dispatchEvent("business", "a")} {
					w.store.Publish(dispatchtest.Partition, e)
				}
				pass(live)
				p.kill()
				<-p.done
				p = w.start(t, shards)
				pass(time.Second)
				w.store.Expire(dispatchtest.Partition, 4)
				pass(2 * time.Minute)
				ended := p.ended()
				if about := w.toldOf(); ended[delivery.EndedExpired] != 3 || len(about) != 1 || !strings.HasPrefix(about[0], "ops hookspan.delivery.expired/") {
					t.Errorf("ended %v, told %v, want three expired and one told", ended, about)
				}
				p.stop()
			})
		})
	}
}
