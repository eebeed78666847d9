package webhook_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hookspan/hookspan/bridge/delivery"
	"github.com/hookspan/hookspan/sinks/webhook"
)

func handshake(url string) delivery.Handshake {
	return delivery.Handshake{
		Request: delivery.Request{URL: url, Header: http.Header{"Webhook-Request-Origin": {"hooks.example"}, "X-Key": {"canary"}}, Timeout: 20 * time.Second},
		Origin:  "hooks.example", PerMinute: 300,
	}
}

// What counts is the consent in the headers, whatever the status and the protocol.
func TestHandshake(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		status       int
		origin, rate string
		perMinute    int
		says         string // of the refusal
	}{
		"ours":                {200, "hooks.example", "120", 120, ""},
		"in capitals":         {204, "HOOKS.example", "7", 7, ""},
		"everyone's":          {200, "*", "*", 0, ""},
		"without a rate":      {200, "*", "", 0, ""},
		"more than there is":  {200, "*", "99999999999999999999", 60_000_000, ""},
		"not allowed as such": {405, "hooks.example", "60", 60, ""},
		"nothing":             {200, "", "", 0, "its answer to OPTIONS (200) has no WebHook-Allowed-Origin"},
		"no method":           {405, "", "", 0, "its answer to OPTIONS (405) has no WebHook-Allowed-Origin"},
		"a redirect":          {307, "", "", 0, "its answer to OPTIONS (307) has no WebHook-Allowed-Origin"},
		"another's":           {200, "canary.example", "60", 0, "its WebHook-Allowed-Origin is neither * nor hooks.example (HOOKSPAN_ORIGIN)"},
		"one below":           {200, "a.hooks.example", "60", 0, "is neither * nor"},
		"no number":           {200, "*", "canary", 0, "its WebHook-Allowed-Rate is neither * nor a number"},
		"no request":          {200, "*", "0", 0, "its WebHook-Allowed-Rate is neither * nor a number"},
		"less than none":      {200, "*", "-1", 0, "its WebHook-Allowed-Rate is neither * nor a number"},
	} {
		for _, proto := range []string{"HTTP/1.1", "HTTP/2.0"} {
			t.Run(proto+" "+name, func(t *testing.T) {
				t.Parallel()
				var requests atomic.Int64
				s, url := over(t, proto, func(w http.ResponseWriter, r *http.Request) {
					requests.Add(1)
					h := r.Header
					if r.Method != http.MethodOptions || r.Proto != proto || h.Get("WebHook-Request-Origin") != "hooks.example" || h.Get("WebHook-Request-Rate") != "300" || h.Get("X-Key") != "canary" || r.ContentLength > 0 {
						t.Errorf("%s %s %v", r.Method, r.Proto, h)
					}
					w.Header().Set("Location", "/elsewhere")
					if c.origin != "" {
						w.Header().Set("WebHook-Allowed-Origin", c.origin)
					}
					if c.rate != "" {
						w.Header().Set("WebHook-Allowed-Rate", c.rate)
					}
					w.WriteHeader(c.status)
				})
				perMinute, err := s.Ask(t.Context(), handshake(url+"/in?key=canary"))
				switch {
				case (err == nil) != (c.says == "") || perMinute != c.perMinute || requests.Load() != 1:
					t.Errorf("%d, %v after %d requests", perMinute, err, requests.Load())
				case err != nil && (!strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "canary")):
					t.Errorf("it says %v", err)
				}
			})
		}
	}
}

// A handshake goes the way of the attempts, under their rules.
func TestHandshakeGoesTheWayOfAttempts(t *testing.T) {
	t.Parallel()
	r := (&relay{scheme: "socks5"}).start(t)
	url := shop(t, "http", nil)
	through := webhook.New(webhook.Options{Egress: shopOnly(), Resolver: atHome(t), Proxy: r.url("")})
	defer through.Close()
	if _, err := through.Ask(t.Context(), handshake(url)); err == nil || !strings.Contains(err.Error(), "(200) has no") || withoutPort(r.targets()) != "127.0.0.1" {
		t.Errorf("through a proxy: %v, asked for %v", err, r.targets())
	}
	strict := webhook.New(webhook.Options{Resolver: atHome(t)})
	defer strict.Close()
	silent := "http://127.0.0.1:" + listen(t, "127.0.0.1:0", hold) + "/"
	for name, c := range map[string]struct {
		by   *webhook.Sender
		ask  delivery.Handshake
		says string
	}{
		"an address that is refused": {strict, handshake(url), "the endpoint could not be asked: the address is not one that endpoints may have"},
		"no URL":                     {strict, handshake("canary"), "the url "},
		"nobody there":               {sender(t), handshake("http://127.0.0.1:1/"), "the endpoint could not be asked: the connection was refused"},
		"silence":                    {sender(t), func() delivery.Handshake { h := handshake(silent); h.Timeout = 2 * time.Second; return h }(), "the endpoint could not be asked: there was no whole answer in time"},
		"no proxy":                   {sender(t), func() delivery.Handshake { h := handshake(url); h.Proxy = "canary"; return h }(), "the proxy: want none, or the URL"},
	} {
		if _, err := c.by.Ask(t.Context(), c.ask); err == nil || !strings.HasPrefix(err.Error(), c.says) || strings.Contains(err.Error(), "canary") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Where attempts log in, handshakes do.
func TestHandshakeLogsIn(t *testing.T) {
	t.Parallel()
	l, s := newLogin(t, false), sender(t)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") == "Bearer token-1" {
			w.Header().Set("WebHook-Allowed-Origin", "*")
		}
	}))
	t.Cleanup(server.Close)
	h := handshake(server.URL)
	h.Access = &delivery.Access{Grant: l.grant()}
	if _, err := s.Ask(t.Context(), h); err != nil {
		t.Error(err)
	}
	away := newLogin(t, false)
	away.say(func(w http.ResponseWriter) bool { w.WriteHeader(500); return true })
	h.Access = &delivery.Access{Grant: away.grant()}
	if _, err := s.Ask(t.Context(), h); err == nil || !strings.HasPrefix(err.Error(), "the endpoint could not be asked: no token") || strings.Contains(err.Error(), "canary") {
		t.Errorf("without a token: %v", err)
	}
}
