package receiver_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/hookspan/hookspan/bridge/event"
	"github.com/hookspan/hookspan/bridge/provider"
	"github.com/hookspan/hookspan/bridge/receiver"
)

// carrying is a shop whose events say whose they are, as a CloudEvent may.
type carrying struct{ shop }

func (s carrying) VerifyIn(q *provider.Request, room []provider.Event) (provider.Verdict, error) {
	v, err := s.shop.VerifyIn(q, room)
	for i := range v.Events {
		v.Events[i].Extensions = []event.Extension{{Name: "before", Value: "b"}, {Name: "tenant", Value: "carried"}, {Name: "zlast", Value: "z"}}
	}
	return v, err
}

func TestSourceSaysWhoseItsEventsAre(t *testing.T) {
	t.Parallel()
	header := func(values ...string) http.Header { return http.Header{"X-Tenant": values} }
	for _, c := range []struct {
		name, setting string
		header        http.Header
		body          string
		want          string
		told          bool
	}{
		{name: "not set", want: "carried"},
		{name: "not set, and there is a header", header: header("acme"), want: "carried"},
		{name: "a name", setting: "acme corp", want: "acme corp"},
		{name: "a header", setting: "header:x-tenant", header: header("acme"), want: "acme"},
		{name: "a header twice", setting: "header:X-Tenant", header: header("acme", "acme"), want: "acme"},
		{name: "two headers", setting: "header:X-Tenant", header: header("acme", "other"), told: true},
		{name: "no header", setting: "header:X-Tenant"},
		{name: "an empty header", setting: "header:X-Tenant", header: header("")},
		{name: "a long header", setting: "header:X-Tenant", header: header(strings.Repeat("x", 257)), told: true},
		{name: "a header that is no UTF-8", setting: "header:X-Tenant", header: header("ac\xffme"), told: true},
		{name: "a pointer", setting: "/data/partner_org_id", body: `{"data":{"partner_org_id":"acme"}}`, want: "acme"},
		{name: "a number", setting: "/data/partner_org_id", body: `{"data":{"partner_org_id":4711}}`, want: "4711"},
		{name: "nothing there", setting: "/data/partner_org_id", body: `{"data":{}}`},
		{name: "null", setting: "/data/partner_org_id", body: `{"data":{"partner_org_id":null}}`},
		{name: "empty", setting: "/data/partner_org_id", body: `{"data":{"partner_org_id":""}}`},
		{name: "an object", setting: "/data/partner_org_id", body: `{"data":{"partner_org_id":{"id":"acme"}}}`, told: true},
		{name: "a control character", setting: "/data/partner_org_id", body: `{"data":{"partner_org_id":"a\u0007"}}`, told: true},
		{name: "a huge text", setting: "/data/partner_org_id", body: `{"data":{"partner_org_id":"` + strings.Repeat("x", 100_000) + `"}}`, told: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := setup(t, func(o *receiver.Options) {
				o.Sources[0].Tenant = c.setting
				o.Verifier = func(_ string, cfg provider.Config) (receiver.Verifier, error) { return carrying{shop{cfg}}, nil }
			})
			body := c.body
			if body == "" {
				body = `{}`
			}
			if a := w.do(w.request("POST", "/webhooks/shop", "one", []byte(body), c.header)); a.status != 202 {
				t.Fatalf("status %d: %s", a.status, a.body)
			}
			w.stop()
			e := w.store.all()[0].event
			if got := e.Extension("tenant"); got != c.want {
				t.Errorf("the tenant is %q, want %q", got, c.want)
			}
			if e.Extension("before") != "b" || e.Extension("zlast") != "z" {
				t.Errorf("other extensions: %v", e.Extensions)
			}
			if told := strings.Contains(w.log.String(), "tenant left out"); told != c.told {
				t.Errorf("told %v, want %v: %s", told, c.told, w.log)
			}
			if n := w.counted("hookspan_intake_attributes_dropped_total", "source", "shop"); (n == 1) != c.told {
				t.Errorf("counted %v", n)
			}
			if len(body) > 1000 && strings.Contains(w.log.String(), "xxxxxxxx") {
				t.Error("the log repeats what was sent")
			}
		})
	}
}

// A batch may be of several tenants, and what is quarantined keeps its own.
func TestEveryEventOfABatchHasItsTenant(t *testing.T) {
	t.Parallel()
	w := setup(t, func(o *receiver.Options) { o.Sources[0].Tenant = "/tenant" })
	if a := w.send("one", `[{"id":"1","tenant":"acme"},{"id":"2"},{"id":"3","tenant":3}]`); a.status != 202 {
		t.Fatalf("status %d: %s", a.status, a.body)
	}
	want := map[string]string{"1": "acme", "2": "", "3": "3"}
	for _, s := range w.store.all() {
		if got := s.event.Extension("tenant"); got != want[s.event.ID] {
			t.Errorf("event %s is of %q, want %q", s.event.ID, got, want[s.event.ID])
		}
	}
}

func TestTenantSettingsThatAreRefused(t *testing.T) {
	t.Parallel()
	for setting, wrong := range map[string]bool{
		"": false, "acme": false, "acme corp": false, "header:X-Tenant": false, "/a/b": false, "/": false,
		"header:": true, "header:X Tenant": true, "/a~": true, "ac\tme": true, strings.Repeat("x", 257): true, "ac\xffme": true,
	} {
		faults := receiver.Source{Name: "shop", Provider: "shop", Tenant: setting}.Faults(0)
		if wrong != (len(faults) > 0) || wrong && faults[0].Field != "tenant" {
			t.Errorf("%.40q: %v", setting, faults)
		}
	}
}
