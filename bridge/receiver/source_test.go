package receiver_test

import (
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/hookspan/hookspan/bridge/event"
	"github.com/hookspan/hookspan/bridge/receiver"
)

func discard() *slog.Logger { return slog.New(slog.DiscardHandler) }

func TestValidateNamesTheField(t *testing.T) {
	t.Parallel()
	negative := -time.Second
	good := receiver.Source{Name: "shop-1", Provider: "shop"}
	if err := good.Validate(time.Hour * 168); err != nil {
		t.Errorf("a good source: %v", err)
	}
	for field, edit := range map[string]func(*receiver.Source){
		"name":         func(s *receiver.Source) { s.Name = "Shop_1" },
		"provider":     func(s *receiver.Source) { s.Provider = "" },
		"topic":        func(s *receiver.Source) { s.Topic = "orders.*" },
		"public_url":   func(s *receiver.Source) { s.PublicURL = "https://h/?a=1" },
		"content":      func(s *receiver.Source) { s.Content = "batch" },
		"tolerance":    func(s *receiver.Source) { s.Tolerance = &negative },
		"dedup_window": func(s *receiver.Source) { s.DedupWindow = window(169 * time.Hour) },
		"max_body":     func(s *receiver.Source) { s.MaxBody = -1 },
		"rate":         func(s *receiver.Source) { s.Rate.PerSecond = -1 },
		"invalid":      func(s *receiver.Source) { s.Invalid = receiver.Warn },
		"schema":       func(s *receiver.Source) { s.Schema = receiver.Accept },
	} {
		s := good
		edit(&s)
		err := s.Validate(168 * time.Hour)
		if err == nil || !strings.HasPrefix(err.Error(), fmt.Sprintf("source %q: %s: ", s.Name, field)) {
			t.Errorf("%s: %v", field, err)
		}
	}
}

// An event that Hookspan itself would refuse to take from a topic is never written.
func TestWhatBecomesAnAttributeIsJudgedBefore(t *testing.T) {
	t.Parallel()
	for field, edit := range map[string]func(s *receiver.Source, bad string){
		"name":        func(s *receiver.Source, bad string) { s.Name = "a" + bad + "b" },
		"uri":         func(s *receiver.Source, bad string) { s.URI = "/a" + bad + "b" },
		"topic":       func(s *receiver.Source, bad string) { s.Topic = "a" + bad + "b" },
		"type_prefix": func(s *receiver.Source, bad string) { s.TypePrefix = "a" + bad + "b" },
		"tenant":      func(s *receiver.Source, bad string) { s.Tenant = "a" + bad + "b" },
	} {
		for _, bad := range []string{"\x01", "\r\nX-Injected: 1", "\x7f", "\u0085", "\ufffe", "\ufdd0", "\U0010ffff", "\xff", "\xed\xa0\x80"} {
			s := receiver.Source{Name: "shop", Provider: "shop"}
			edit(&s, bad)
			err := s.Validate(0)
			if err == nil || !strings.HasPrefix(err.Error(), fmt.Sprintf("source %q: %s: ", s.Name, field)) {
				t.Errorf("%s %q: %v", field, bad, err)
			}
			if field != "name" && err != nil && !event.Allowed(err.Error()) {
				t.Errorf("%s: the error cannot be printed: %q", field, err)
			}
		}
	}
	for _, good := range []receiver.Source{{URI: "/sh\u00f6p", TypePrefix: "com.sh\u00f6p", Tenant: "\u00f6"}, {URI: "https://[::1]/\U0001f600", TypePrefix: "\u2028"}} {
		good.Name, good.Provider = "shop", "shop"
		if err := good.Validate(0); err != nil {
			t.Error(err)
		}
	}
}

func TestNewNamesEverySourceAtFault(t *testing.T) {
	t.Parallel()
	_, err := receiver.New(receiver.Options{
		Sources:  []receiver.Source{{Name: "a", Provider: "shop"}, {Name: "b"}, {Name: "c", Provider: "shop", Secrets: []string{"s"}}, {Name: "c", Provider: "shop", Secrets: []string{"s"}}},
		Verifier: newShop, Publisher: &store{}, Metrics: prometheus.NewRegistry(), Log: discard(),
	})
	for _, want := range []string{`source "a": secrets: one is needed`, `source "b": provider: missing`, `source "c": name: is there twice`} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v lacks %q", err, want)
		}
	}
}

func TestABusThatTakesLessLowersTheLimit(t *testing.T) {
	t.Parallel()
	const takes = 100 << 10
	w := setup(t, func(o *receiver.Options) { o.Publisher = narrow{o.Publisher.(*store), takes} })
	for size, want := range map[int]int{60 << 10: 202, 70 << 10: 413} { // the rest is for attributes
		body := []byte(`{"event":"a","x":"` + strings.Repeat("x", size) + `"}`)
		if got := w.do(w.request("POST", "/webhooks/shop", fmt.Sprint(size), body, nil)); got.status != want {
			t.Errorf("%d bytes are answered %d, want %d", size, got.status, want)
		}
	}
	w.stop()
	if !strings.Contains(w.log.String(), "source takes smaller bodies than its limit") {
		t.Errorf("log %s", w.log)
	}
}

// narrow is a bus that takes small events only.
type narrow struct {
	*store
	most int64
}

func (n narrow) MaxBytes() int64 { return n.most }

func TestASourceDoesNotPrintItsSecrets(t *testing.T) {
	t.Parallel()
	s := receiver.Source{Name: "shop", Provider: "shop", Secrets: []string{secret}}
	var log strings.Builder
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "source", s)
	if all := fmt.Sprintf("%v %+v %#v %s %v", s, s, s, s, []receiver.Source{s}) + log.String(); strings.Contains(all, secret) {
		t.Errorf("printed: %s", all)
	}
}

func TestTrustedProxies(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, trusted, forwarded, url, remote string
	}{
		{"Forwarded", "127.0.0.0/8", "", "https://hooks.example.org/webhooks/shop?x=%2f", "2001:db8::9"},
		{"named", "127.0.0.0/8", "203.0.113.7, 198.51.100.4, 127.0.0.9", "https://hooks.example.org/webhooks/shop?x=%2f", "198.51.100.4"},
		{"not named", "10.0.0.0/8", "203.0.113.7", "http://HOST/webhooks/shop?x=%2f", "127.0.0.1"},
		{"invented", "127.0.0.0/8", "203.0.113.7, nonsense, 127.0.0.9", "https://hooks.example.org/webhooks/shop?x=%2f", "127.0.0.9"},
		{"IPv6 with a port", "127.0.0.0/8", "[2001:db8::7]:443", "https://hooks.example.org/webhooks/shop?x=%2f", "2001:db8::7"},
	} {
		w := setup(t, func(o *receiver.Options) { o.TrustedProxies = []netip.Prefix{netip.MustParsePrefix(c.trusted)} })
		q := w.request("GET", "/webhooks/shop?x=%2f", "", nil, nil)
		q.Header.Set("Forwarded", `for=203.0.113.7, for="[2001:db8::9]:4711";proto=http, for=127.0.0.9`)
		if c.forwarded != "" {
			q.Header.Set("X-Forwarded-For", c.forwarded)
		}
		q.Header.Set("X-Forwarded-Proto", "https")
		q.Header.Set("X-Forwarded-Host", "hooks.example.org")
		want := strings.Replace(c.url, "HOST", w.addr, 1)
		if got := w.do(q); got.body != want {
			t.Errorf("%s: URL %q, want %q", c.name, got.body, want)
		}
		forged := q.Clone(t.Context())
		forged.Method = "POST"
		forged.Header.Set("X-Signature", "00")
		w.do(forged)
		if got := w.refusal().Remote; got != c.remote {
			t.Errorf("%s: remote %q, want %q", c.name, got, c.remote)
		}
	}
}

func window(d time.Duration) *time.Duration { return &d }
