package alert_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hookspan/hookspan/bridge/alert"
	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/ops"
)

func TestOneMailForEachEndpointAndCause(t *testing.T) {
	bubble(t, func(r *rig) {
		r.tell(ops.EndpointDisabled, "old") // before mails were wanted
		p := r.start()
		defer p.stop()
		for range 3 {
			r.tell(ops.DeliveryExhausted, "crm")
		}
		r.tell(ops.EndpointDisabled, "crm")
		r.tell(ops.DeliveryExhausted, "erp")
		pass(within)
		r.wants("first", "[hookspan] endpoint crm: 3 deliveries were given up", "[hookspan] endpoint crm is disabled", "[hookspan] endpoint erp: 1 delivery was given up")
		for range 20 {
			r.tell(ops.DeliveryExhausted, "crm")
			r.tell(ops.EndpointDisabled, "crm")
			pass(time.Minute)
		}
		r.wants("while it lasts")
		r.tell(ops.EndpointRecovered, "crm")
		r.tell(ops.EndpointRecovered, "shop") // of which nothing was told
		pass(within)
		mails := r.gotMails()
		if len(mails) != 1 || mails[0].Subject != "[hookspan] endpoint crm is well again" {
			r.Fatalf("well again: %+v", mails)
		}
		for _, want := range []string{"crm: 23 deliveries were given up", "crm is disabled", "hookspan deliveries --endpoint crm --status failed"} {
			if !strings.Contains(mails[0].Text, want) {
				r.Errorf("%q is not in\n%s", want, mails[0].Text)
			}
		}
		r.tell(ops.DeliveryExhausted, "crm")
		pass(within)
		r.wants("again", "[hookspan] endpoint crm: 1 delivery was given up")
	})
}

func TestWhatIsNoTroubleIsNotMailed(t *testing.T) {
	bubble(t, func(r *rig) {
		p := r.start()
		defer p.stop()
		r.tell(ops.ReplayFinished, "crm")
		pass(within)
		r.wants("of a replay that is over")
	})
}

func TestTextsSayWhatHappenedAndWhatToDo(t *testing.T) {
	bubble(t, func(r *rig) {
		p := r.start()
		defer p.stop()
		r.tellOf(ops.DeliveryExhausted, "crm", "acme")
		r.store.Publish("ops", *ops.New(ops.SourceRefusals, "1", "sources/shop", ops.Refusals{Source: "shop", Count: 20, Reasons: map[string]int{"bad_signature": 19, "stale": 1}, Refused: 35}))
		r.store.Publish("ops", *ops.New(ops.StoreNearlyFull, "1", "", ops.Store{Used: 9_700_000_000, Limit: 10_000_000_000}))
		pass(within)
		all := map[string][]string{
			"[hookspan] endpoint crm: 1 delivery was given up": {
				"1 delivery to endpoint crm failed at every attempt", "ep_crm", `tenant    "acme"`, `event "evt-1" of type "order\r\nshipped"`, "hookspan deliveries --endpoint crm --status failed",
			},
			"[hookspan] source shop: 35 requests refused": {"35 requests to source shop were refused", "19 bad_signature, 1 stale", "hookspan refusals --source shop"},
			"[hookspan] event store: nearly full":         {"9.7 GB of 10.0 GB are in use", "HOOKSPAN_RETENTION"},
		}
		for _, m := range r.gotMails() {
			for _, want := range append(all[m.Subject], "since", "What to do", "installation hookspan") {
				if !strings.Contains(m.Text, want) {
					r.Errorf("%q is not in\n%s", want, m.Text)
				}
			}
			if all[m.Subject] == nil || m.To != operator || m.ID == "" {
				r.Errorf("mail %+v", m)
			}
			delete(all, m.Subject)
		}
		if len(all) > 0 {
			r.Errorf("no mail: %v", all)
		}
		pass(20 * time.Minute)
		r.wants("a quarter of an hour later", "[hookspan] source shop: no more bursts of refusals")
		pass(3 * time.Hour)
		r.wants("three hours later", "[hookspan] event store: not nearly full any more")
	})
}

// What somebody else wrote to the topic makes no mail, or none that could mislead.
func TestOthersMakeNoMails(t *testing.T) {
	bubble(t, func(r *rig) {
		p := r.start()
		defer p.stop()
		foreign := ops.New(ops.EndpointDisabled, "1", "crm", ops.AboutEndpoint{Endpoint: "ep_crm", Name: "crm"})
		foreign.Source = "/elsewhere"
		r.store.Publish("ops", *foreign)
		for _, about := range []ops.AboutEndpoint{{Endpoint: "ep_1", Name: "crm; rm -rf ~"}, {Endpoint: "ep_1", Name: "crm\nTo: all"}, {Endpoint: "ep 1", Name: "crm"}} {
			r.store.Publish("ops", *ops.New(ops.EndpointDisabled, "2", "crm", about))
		}
		broken := ops.New(ops.EndpointDisabled, "3", "crm", nil)
		broken.Data = []byte("{")
		r.store.Publish("ops", *broken)
		r.store.Publish("ops", *ops.New("hookspan.audit", "4", "crm", ops.AboutEndpoint{Endpoint: "ep_crm", Name: "crm"}))
		pass(within)
		r.wants("nothing")
	})
}

func TestWhoIsMailed(t *testing.T) {
	bubble(t, func(r *rig) {
		r.to = func(id, tenant string) []string {
			switch {
			case tenant == "acme":
				return []string{operator, "hooks@acme.example"}
			case id == "ep_crm":
				return []string{operator, "oncall@crm.example"}
			case id == "ep_quiet":
				return nil
			}
			return []string{operator}
		}
		p := r.start()
		defer p.stop()
		r.tellOf(ops.EndpointDisabled, "theirs", "acme")
		r.tell(ops.EndpointDisabled, "crm")
		r.tell(ops.EndpointDisabled, "quiet")
		pass(within)
		got := map[string]int{}
		for _, m := range r.gotMails() {
			got[m.To+" "+strings.TrimPrefix(m.Subject, "[hookspan] endpoint ")]++
		}
		want := map[string]int{
			operator + " theirs is disabled": 1, "hooks@acme.example theirs is disabled": 1,
			operator + " crm is disabled": 1, "oncall@crm.example crm is disabled": 1,
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			r.Errorf("mails %v, want %v", got, want)
		}
		r.tellOf(ops.EndpointRecovered, "theirs", "acme")
		pass(within)
		if mails := r.gotMails(); len(mails) != 2 || mails[0].To == mails[1].To {
			r.Errorf("well again is told %+v", mails)
		}
	})
}

func TestAStormIsADigest(t *testing.T) {
	bubble(t, func(r *rig) {
		p := r.start()
		defer p.stop()
		for n := range 30 {
			r.tell(ops.EndpointDisabled, fmt.Sprint("e", n))
		}
		pass(within)
		mails := r.gotMails()
		if len(mails) != 1 || mails[0].Subject != "[hookspan] 30 alerts" || strings.Count(mails[0].Text, "is disabled\n") != 30 {
			r.Fatalf("thirty endpoints at once: %+v", mails)
		}
		for n := range 12 { // one a minute
			r.tell(ops.EndpointRecovered, fmt.Sprint("e", n))
			pass(time.Minute)
		}
		r.wants("within a quarter of an hour")
		pass(4 * time.Minute)
		r.wants("after it", "[hookspan] 12 alerts")
		pass(20 * time.Minute)
		r.tell(ops.EndpointDisabled, "e0")
		pass(within)
		r.wants("calm again", "[hookspan] endpoint e0 is disabled")
		for n := range 7 {
			r.tell(ops.EndpointDisabled, fmt.Sprint("f", n))
			pass(within)
		}
		if got := r.got(); len(got) != 4 {
			r.Errorf("one by one: %q, want four more and then a digest", got)
		}
		pass(15 * time.Minute)
		r.wants("the rest", "[hookspan] 3 alerts")
	})
}

// A mail server that is away loses no alert, whatever becomes of the process.
func TestAMailServerThatIsAway(t *testing.T) {
	bubble(t, func(r *rig) {
		r.answers(func(*process, alert.Mail) error { return errors.New("connection refused") })
		p := r.start()
		r.tell(ops.DeliveryExhausted, "crm")
		pass(10 * time.Minute)
		if n := r.tried(); n < 18 || n > 22 {
			r.Errorf("%d tries in ten minutes, want one every 30 s", n)
		}
		p.kill()
		r.tell(ops.DeliveryExhausted, "crm") // while nobody is there
		r.tell(ops.EndpointDisabled, "erp")
		p = r.start()
		pass(2 * time.Hour)
		r.tell(ops.EndpointRecovered, "crm")
		pass(time.Minute)
		p.stop()
		p = r.start()
		defer p.stop()
		pass(time.Minute)
		r.wants("while it is away")
		r.answers(nil)
		pass(3 * time.Minute) // what the process before had claimed is over
		r.wants("once it is back", "[hookspan] endpoint crm: 2 deliveries were given up", "[hookspan] endpoint erp is disabled", "[hookspan] endpoint crm is well again")
		pass(time.Hour)
		r.wants("an hour later")
		if n := len(r.store.Records(bus.LogName{Kind: bus.Alerts})); n > 120 {
			r.Errorf("the log has %d records, of which the last is all of it", n)
		}
	})
}

// A server that never takes mails for one address holds nobody else up.
func TestAnAddressThatIsRefused(t *testing.T) {
	bubble(t, func(r *rig) {
		r.to = func(string, string) []string { return []string{"gone@shop.example", operator} }
		r.answers(func(_ *process, m alert.Mail) error {
			if m.To == operator {
				return nil
			}
			return fmt.Errorf("%w: 550", alert.ErrRefused)
		})
		p := r.start()
		defer p.stop()
		r.tell(ops.EndpointDisabled, "crm")
		pass(within)
		r.tell(ops.EndpointDisabled, "erp")
		pass(within)
		r.wants("the others", "[hookspan] endpoint crm is disabled", "[hookspan] endpoint erp is disabled")
		pass(time.Hour)
		if n := r.tried(); n < 5 || n > 8 {
			r.Errorf("%d tries in an hour, want two that were taken and one every 15 minutes", n)
		}
		r.answers(nil)
		pass(20 * time.Minute)
		if got := r.got(); len(got) != 2 {
			r.Errorf("once it is taken: %q", got)
		}
	})
}

// A process that is killed while the server takes a mail has it sent once more, under the same id; one
// that is killed before has it sent by the next.
func TestATakeoverRepeatsWhatWasInDoubtAlone(t *testing.T) {
	bubble(t, func(r *rig) {
		p := r.start()
		r.tell(ops.EndpointDisabled, "first")
		pass(2 * time.Second) // it is taken in, and not mailed
		p.kill()
		p = r.start()
		pass(3 * time.Minute)
		r.wants("killed before", "[hookspan] endpoint first is disabled")
		r.answers(func(p *process, m alert.Mail) error {
			p.client.Kill()
			return nil
		})
		r.tell(ops.EndpointDisabled, "second")
		pass(within)
		p.stop()
		r.answers(nil)
		p = r.start()
		defer p.stop()
		pass(10 * time.Minute)
		mails := r.gotMails()
		if len(mails) != 2 || mails[0].ID != mails[1].ID || mails[0].Subject != mails[1].Subject {
			r.Errorf("killed while it was taken: %+v, want the same mail twice", mails)
		}
	})
}

// Of two that both take themselves for the one, each mail goes out once.
func TestTwoProcessesMailOnce(t *testing.T) {
	bubble(t, func(r *rig) {
		r.answers(func(*process, alert.Mail) error {
			pass(time.Second)
			return nil
		})
		p, q := r.start(), r.start()
		defer p.stop()
		defer q.stop()
		for n := range 4 {
			r.tell(ops.EndpointDisabled, fmt.Sprint("e", n))
			pass(time.Second)
		}
		pass(time.Minute)
		if got := r.got(); len(got) != 4 {
			r.Errorf("mails %q, want one for each endpoint", got)
		}
		p.leads.Store(false)
		pass(time.Minute)
		r.tell(ops.EndpointRecovered, "e0")
		pass(within)
		p.leads.Store(true)
		q.leads.Store(false)
		pass(time.Minute)
		r.tell(ops.EndpointRecovered, "e1")
		pass(20 * time.Minute)
		if got := r.got(); len(got) != 2 {
			r.Errorf("mails %q, want one for each that is well again", got)
		}
	})
}

// An endpoint that was deleted is nobody's trouble any more, and may come again under its name.
func TestADeletedEndpointIsForgotten(t *testing.T) {
	bubble(t, func(r *rig) {
		p := r.start()
		defer p.stop()
		r.tell(ops.EndpointDisabled, "crm")
		pass(within)
		r.mu.Lock()
		r.deleted["ep_crm"] = true
		r.mu.Unlock()
		pass(within)
		r.tell(ops.EndpointRecovered, "crm")
		pass(within)
		r.wants("the only mail", "[hookspan] endpoint crm is disabled")
	})
}

// The topic may be made anew or cut back; what is told afterwards is mailed.
func TestTheTopicChanges(t *testing.T) {
	bubble(t, func(r *rig) {
		p := r.start()
		defer p.stop()
		r.tell(ops.EndpointDisabled, "one")
		pass(within)
		pass(5 * time.Minute)
		r.store.CutBack("ops", 0)
		r.tell(ops.EndpointDisabled, "two")
		pass(within)
		r.store.Recreate("ops", "second")
		r.tell(ops.EndpointDisabled, "three")
		pass(within)
		r.store.Expire("ops", 100)
		r.tell(ops.EndpointDisabled, "four")
		pass(within)
		r.wants("all of them", "[hookspan] endpoint one is disabled", "[hookspan] endpoint two is disabled", "[hookspan] endpoint three is disabled", "[hookspan] endpoint four is disabled")
	})
}

// What there is no room for is counted.
func TestWhatIsTooMuchIsCounted(t *testing.T) {
	bubble(t, func(r *rig) {
		r.answers(func(*process, alert.Mail) error { return errors.New("away") })
		p := r.start()
		defer p.stop()
		for n := range 3000 {
			r.tell(ops.EndpointDisabled, fmt.Sprint("e", n))
		}
		pass(10 * time.Minute)
		r.answers(nil)
		pass(time.Minute)
		mails := r.gotMails()
		if len(mails) != 1 || mails[0].Subject != "[hookspan] 3000 alerts" || !strings.Contains(mails[0].Text, " more, of which nothing was kept but their number") {
			r.Errorf("%d mails, the first %.200q", len(mails), mails)
		}
	})
}
