package receiver_test

import (
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/hookspan/hookspan/bridge/provider"
	"github.com/hookspan/hookspan/bridge/receiver"
)

// ofOthers makes the source one of a provider, whose refusals say whose a request looks like.
func ofOthers(t *testing.T, name string, edit func(*receiver.Options)) *world {
	t.Helper()
	c, err := provider.Load("")
	if err != nil {
		t.Fatal(err)
	}
	return setup(t, func(o *receiver.Options) {
		o.Verifier, o.Sources[0].Provider = catalog(t), name
		o.Likely = func(v receiver.Verifier, h http.Header) string { return c.Hint(v.(*provider.Verifier), h) }
		if edit != nil {
			edit(o)
		}
	})
}

func TestARefusalSaysWhoseTheRequestLooksLike(t *testing.T) {
	t.Parallel()
	github := http.Header{"X-Hub-Signature-256": {"sha256=" + strings.Repeat("00", 32)}, "X-Github-Event": {"push"}, "X-Github-Delivery": {"1111"}}
	const hint = "the request looks like github's: it has X-Hub-Signature-256"
	for name, c := range map[string]struct {
		provider string
		method   string
		header   http.Header
		edit     func(*receiver.Options)
		hinted   bool
	}{
		"no signature of its own": {"sticker", "POST", github, nil, true},
		"a token that is missing": {"telegram", "POST", github, nil, true},
		"observed":                {"sticker", "POST", github, func(o *receiver.Options) { o.Sources[0].Verify = receiver.Observe }, true},
		"a long detail": {"hmac", "POST", github, func(o *receiver.Options) {
			o.Sources[0].Options = map[string]string{"header": "X-Github-Delivery", "encoding": "base64url", "template": "{body}" + strings.Repeat("x", 1000)}
		}, true},
		"its own":                    {"github", "POST", github, nil, false},
		"nobody's":                   {"sticker", "POST", http.Header{"X-Nobody": {"1"}}, nil, false},
		"another method":             {"sticker", "DELETE", github, nil, false},
		"nobody knows other senders": {"sticker", "POST", github, func(o *receiver.Options) { o.Likely = nil }, false},
	} {
		w := ofOthers(t, c.provider, c.edit)
		w.do(w.request(c.method, "/webhooks/shop", "1", []byte("{}"), c.header))
		got := w.refusal()
		if strings.Contains(got.Detail, hint) != c.hinted || len(got.Detail) > 512 || got.Detail == "" {
			t.Errorf("%s: %+v", name, got)
		}
		w.stop()
		if c.hinted && name != "observed" && !strings.Contains(w.log.String(), hint) {
			t.Errorf("%s: the log does not say so: %s", name, w.log)
		}
	}
}

// Nobody is asked about requests that are taken, nor about more refusals than leave a trace.
func TestOnlyTracesAskWhoseARequestIs(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	w := setup(t, func(o *receiver.Options) {
		o.Likely = func(receiver.Verifier, http.Header) string {
			asked.Add(1)
			return strings.Repeat("long ", 200)
		}
	})
	w.send("1", a1)
	if asked.Load() != 0 {
		t.Error("asked about a request that was taken")
	}
	for range 300 {
		w.do(w.request("POST", "/webhooks/shop", "1", []byte("{}"), forged()))
	}
	got := w.refusal()
	w.stop()
	if n := asked.Load(); n == 0 || n > 250 {
		t.Errorf("asked %d times for 300 refusals", n)
	}
	if !strings.HasPrefix(got.Detail, "X-Signature against HMAC-SHA256 of the body, 1 secret; long") || len(got.Detail) > 512 {
		t.Errorf("detail %q", got.Detail)
	}
}
