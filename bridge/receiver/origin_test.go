package receiver_test

import (
	"net/http"
	"net/netip"
	"testing"

	"github.com/hookspan/hookspan/bridge/provider"
	"github.com/hookspan/hookspan/bridge/receiver"
	"github.com/hookspan/hookspan/bridge/setting"
)

func ranges(t *testing.T, text string) (p setting.Prefixes) {
	t.Helper()
	if err := p.Parse(text); err != nil {
		t.Fatal(err)
	}
	return p
}

// Where a sender is known to be, a request from elsewhere is refused whatever it proves.
func TestRequestsFromElsewhereAreRefused(t *testing.T) {
	t.Parallel()
	forwarded := func(hops string) http.Header { return http.Header{"X-Forwarded-For": {hops}} }
	for name, c := range map[string]struct {
		from    string
		trusted []netip.Prefix
		header  http.Header
		taken   bool
	}{
		"the peer":                    {"127.0.0.0/8", nil, nil, true},
		"one of several":              {"192.0.2.0/24,127.0.0.1", nil, nil, true},
		"another":                     {"192.0.2.0/24", nil, nil, false},
		"another, that says it is":    {"192.0.2.0/24", nil, forwarded("192.0.2.7"), false},
		"behind a proxy":              {"192.0.2.0/24", loopback, forwarded("192.0.2.7"), true},
		"behind a proxy, with a port": {"192.0.2.0/24", loopback, forwarded("192.0.2.7:1234"), true},
		"another behind a proxy":      {"192.0.2.0/24", loopback, forwarded("198.51.100.1"), false},
		"one that another invented":   {"192.0.2.0/24", loopback, forwarded("192.0.2.7, 198.51.100.1"), false},
		"by Forwarded":                {"192.0.2.0/24", loopback, http.Header{"Forwarded": {"for=192.0.2.7"}}, true},
		"by both":                     {"192.0.2.0/24", loopback, http.Header{"Forwarded": {"for=192.0.2.7"}, "X-Forwarded-For": {"192.0.2.7"}}, true},
		"by one that nobody wrote":    {"192.0.2.0/24", loopback, http.Header{"Forwarded": {"for=198.51.100.1"}, "X-Forwarded-For": {"192.0.2.7"}}, false},
		"by the other one":            {"192.0.2.0/24", loopback, http.Header{"Forwarded": {"for=192.0.2.7"}, "X-Forwarded-For": {"198.51.100.1"}}, false},
		"one that is no address":      {"127.0.0.0/8", loopback, forwarded("unknown"), false},
		"written in IPv6":             {"::ffff:127.0.0.0/104", nil, nil, true},
		"the proxy itself":            {"192.0.2.0/24", loopback, nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := setup(t, func(o *receiver.Options) { o.Sources[0].From, o.TrustedProxies = ranges(t, c.from), c.trusted })
			const body = `{"event":"paid"}`
			want, handshake := 202, 200
			if !c.taken {
				want, handshake = 403, 403
			}
			if a := w.do(w.request("POST", "/webhooks/shop", "1", []byte(body), c.header)); a.status != want {
				t.Errorf("%d %s", a.status, a.body)
			}
			if a := w.do(w.request("GET", "/webhooks/shop", "1", nil, c.header)); a.status != handshake {
				t.Errorf("a handshake: %d %s", a.status, a.body)
			}
			if !c.taken {
				if r := w.refusals(2)[0]; r.Reason != provider.Address || r.Status != 403 {
					t.Errorf("%+v", r)
				}
			}
			if n := len(w.store.topics()); (n == 1) != c.taken {
				t.Errorf("%d stored", n)
			}
			w.stop()
		})
	}
}

// Who sets a sender up sees from where it comes, too.
func TestRequestsFromElsewhereAreObserved(t *testing.T) {
	t.Parallel()
	w := setup(t, func(o *receiver.Options) {
		o.Sources[0].From, o.Sources[0].Verify = ranges(t, "192.0.2.0/24"), receiver.Observe
	})
	if a := w.send("1", `{"event":"paid"}`); a.status != 202 {
		t.Fatal(a)
	}
	if e := w.store.all()[0]; e.topic != "hookspan.unverified" || e.event.Extension("hookspanunverified") != "address" {
		t.Errorf("%+v", e)
	}
	w.stop()
}
