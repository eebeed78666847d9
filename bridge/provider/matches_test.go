package provider_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hookspan/hookspan/bridge/provider"
)

func names(matches []provider.Match) (all []string) {
	for _, m := range matches {
		all = append(all, m.Provider)
	}
	return all
}

// Every vector is genuine as its own provider's, and with another secret as nobody's.
func TestEveryVectorMatchesItsProvider(t *testing.T) {
	t.Parallel()
	c := catalog(t)
	for _, f := range readVectors(t) {
		v := f.Vectors[0]
		if len(v.Options) > 0 || v.Want.Answer != nil {
			continue // what the options say is not in the request; handshakes may be anybody's
		}
		t.Run(f.Provider, func(t *testing.T) {
			t.Parallel()
			matches := c.Matches(v.Request(), v.Secrets)
			i := slices.Index(names(matches), f.Provider)
			if i < 0 {
				t.Fatalf("taken for %v", matches)
			}
			if m := matches[i]; v.Want.Type != "" && m.Type != v.Want.Type && !strings.HasPrefix(m.Type, "webhook.") {
				t.Errorf("%+v", m)
			}
		})
	}
}

func TestMatches(t *testing.T) {
	t.Parallel()
	c := catalog(t)
	github := sample(t, "github", `{"ref":"r"}`, nil)
	if got := c.Matches(github, []string{"quite another shared secret", invented}); len(got) != 1 || got[0].Provider != "github" || got[0].Late != "" {
		t.Errorf("%+v", got)
	}
	if got := c.Matches(github, []string{"quite another shared secret"}); len(got) != 0 || got == nil {
		t.Errorf("%+v", got)
	}
	stripe := sample(t, "stripe", `{"id":"evt_1","type":"a.b"}`, nil)
	stripe.Received = noon.Add(time.Hour)
	if got := c.Matches(stripe, []string{invented}); len(got) != 1 || got[0].ID != "evt_1" || !strings.Contains(got[0].Late, "stale") {
		t.Errorf("%+v", got)
	}
	twilio := sample(t, "twilio", "MessageSid=1&MessageStatus=sent", nil)
	twilio.URL = strings.Replace(twilio.URL, "https://", "http://", 1)
	if got := c.Matches(twilio, []string{invented}); len(got) != 1 || got[0].URL != "https://hooks.example.com/webhooks/shop" {
		t.Errorf("%+v", got)
	}
	open := &provider.Request{Method: http.MethodOptions, Header: http.Header{"Webhook-Request-Origin": {"a.example"}}, Received: noon}
	if got := c.Matches(open, []string{invented}); len(got) != 0 {
		t.Errorf("what is answered whoever asks proves nothing: %+v", got)
	}
}
