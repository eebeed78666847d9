package dispatch

import (
	"fmt"
	"testing"
	"time"

	"github.com/hookspan/hookspan/bridge/endpoint"
	"github.com/hookspan/hookspan/bridge/setting"
)

func TestAPreviewSendsNothing(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		l := r.register("crm", nil)
		r.out.holds(true)
		r.publish(1, 3, "old")
		elapse(time.Minute)
		since := time.Now()
		elapse(time.Minute)
		r.publish(4, 8, "a.x")
		r.publish(9, 9, "b.x")
		preview := func(most int, since time.Time, change func(*endpoint.Endpoint)) string {
			t.Helper()
			next := l.ep.Clone()
			change(next)
			ep, err := r.reg.Propose(t.Context(), next)
			r.must(err)
			found, err := r.d.Preview(t.Context(), ep, most, since)
			r.must(err)
			text := ""
			for _, p := range found {
				if text += " " + p.Event.ID[len("evt-"):] + ":"; p.Request == nil {
					text += string(p.Skipped)
					continue
				}
				text += p.Request.Verb() + string(p.Request.Body)
			}
			return text
		}
		for want, change := range map[string]func(*endpoint.Endpoint){
			` 9:POST{"n":9} 8:POST{"n":8} 7:POST{"n":7}`: func(*endpoint.Endpoint) {},
			` 9:unmatched 8:filters 7:PUT7`: transformed(`{body: .data.n, method: "PUT"}`, func(e *endpoint.Endpoint) { e.Events, e.Active = []string{"a.*"}, false },
				filtered(`[{"jq":".data.n < 8"}]`)),
			` 9:filtered 8:transform 7:POST"x"`:             transformed(`if .data.n == 9 then null elif .data.n == 8 then error else {body: "x", content_type: "application/json"} end`),
			` 9:filter_error 8:filter_error 7:filter_error`: filtered(`[{"sql":"missing = 1"}]`),
			` 9:transform 8:transform 7:transform`:          transformed(`{body: 1, headers: {Host: "x"}}`),
		} {
			if got := preview(3, time.Time{}, change); got != want {
				t.Errorf("%s, want %s", got, want)
			}
		}
		if got := preview(100, since, func(*endpoint.Endpoint) {}); len(got) != len(` 9:POST{"n":9}`)*6 {
			t.Errorf("since: %s", got)
		}
		keyed := l.ep.Clone()
		keyed.Headers = setting.Headers{{Name: "X-Token", Value: "canary-canary"}}
		ep, err := r.reg.Propose(t.Context(), keyed)
		r.must(err)
		found, err := r.d.Preview(t.Context(), ep, 1, time.Time{})
		r.must(err)
		if got := found[0].Request.Header.Get("X-Token"); got != setting.Hidden {
			t.Errorf("a header that is secret: %s", got)
		}
		wrong := l.ep.Clone()
		r.must(wrong.Transform.Parse(".data."))
		if _, err := r.reg.Propose(t.Context(), wrong); err == nil || fmt.Sprint(err) != "endpoint crm: transform: at 7: ends too early" {
			t.Errorf("a transform that does not compile: %v", err)
		}
		for n := 1; n <= 9; n++ {
			if r.posts(n) != 0 || len(r.attempts(n)) != 0 {
				t.Errorf("event %d was sent %d times, and recorded: %v", n, r.posts(n), r.attempts(n))
			}
		}
		if got := r.reg.Set().ByID(l.ep.ID); len(got.Periods) != 1 || !got.Transform.IsZero() {
			t.Errorf("the endpoint was changed: %+v", got)
		}
	})
}
