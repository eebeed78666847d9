package webhook_test

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hookspan/hookspan/bridge/delivery"
	"github.com/hookspan/hookspan/sinks/webhook"
)

// A login gives tokens and counts them; answer may say something else.
type login struct {
	*httptest.Server
	given  atomic.Int64
	mu     sync.Mutex
	seen   []url.Values
	user   string
	answer func(w http.ResponseWriter) bool
}

func newLogin(t *testing.T, secure bool) *login {
	t.Helper()
	l := &login{}
	l.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, password, _ := r.BasicAuth()
		body, _ := io.ReadAll(r.Body)
		form, _ := url.ParseQuery(string(body))
		l.mu.Lock()
		l.user, l.seen = user+":"+password, append(l.seen, form)
		answer := l.answer
		l.mu.Unlock()
		n := l.given.Add(1)
		if answer == nil || !answer(w) {
			fmt.Fprintf(w, `{"access_token":"token-%d","token_type":"bearer","expires_in":3600}`, n)
		}
	}))
	if secure {
		l.StartTLS()
	} else {
		l.Start()
	}
	t.Cleanup(l.Close)
	return l
}

func (l *login) say(answer func(w http.ResponseWriter) bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.answer = answer
}

func (l *login) grant() *delivery.Grant {
	return delivery.NewGrant(l.URL+"/token", "an id:", "canary secret", []string{"a", "b"})
}

// A guarded endpoint takes the tokens that it is told to, and repeats them, which nobody may see.
type guarded struct {
	*httptest.Server
	takes   atomic.Value // func(token string) bool
	asked   atomic.Int64
	refused atomic.Int64
}

func newGuarded(t *testing.T) *guarded {
	t.Helper()
	g := &guarded{}
	g.takes.Store(func(string) bool { return true })
	g.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		g.asked.Add(1)
		token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		if !ok || !g.takes.Load().(func(string) bool)(token) {
			g.refused.Add(1)
			w.WriteHeader(http.StatusUnauthorized)
			_, _ = io.WriteString(w, "not with that one")
			return
		}
		_, _ = io.WriteString(w, token+" is number "+strings.TrimPrefix(token, "token-"))
	}))
	t.Cleanup(g.Close)
	return g
}

func postAs(t *testing.T, s *webhook.Sender, to string, a *delivery.Access) delivery.Response {
	t.Helper()
	h := http.Header{"Content-Type": {"text/plain"}}
	res := s.Send(t.Context(), delivery.Request{URL: to, Header: h, Body: []byte("canary-body"), Timeout: 20 * time.Second, Access: a})
	if len(h) != 1 {
		t.Errorf("the request's header was changed: %v", h)
	}
	if strings.Contains(res.Detail, "canary") || strings.Contains(res.Detail, "/token") {
		t.Errorf("the detail says too much: %s", res.Detail)
	}
	return res
}

func TestATokenIsGotOnceAndLogsIn(t *testing.T) {
	t.Parallel()
	l, g, s := newLogin(t, false), newGuarded(t), sender(t)
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			if res := postAs(t, s, g.URL, &delivery.Access{Grant: l.grant()}); res.Reason != "" || res.Body != "*** is number 1" {
				t.Errorf("%+v", res)
			}
		})
	}
	all.Wait()
	if n := l.given.Load(); n != 1 {
		t.Errorf("%d tokens for 20 attempts", n)
	}
	if want := "an+id%3A:canary+secret"; l.user != want {
		t.Errorf("logged in as %s, want %s", l.user, want)
	}
	if f := l.seen[0]; f.Get("grant_type") != "client_credentials" || f.Get("scope") != "a b" || len(f) != 2 {
		t.Errorf("asked for %v", f)
	}
	other := delivery.NewGrant(l.URL+"/token", "an id:", "canary secret", []string{"a"})
	if res := postAs(t, s, g.URL, &delivery.Access{Grant: other}); res.Body != "*** is number 2" {
		t.Errorf("another grant got the same token: %+v", res)
	}
}

func TestATokenThatIsRefusedIsRenewedOnce(t *testing.T) {
	t.Parallel()
	l, g, s := newLogin(t, false), newGuarded(t), sender(t)
	a := &delivery.Access{Grant: l.grant()}
	if res := postAs(t, s, g.URL, a); res.Reason != "" {
		t.Fatalf("%+v", res)
	}
	g.takes.Store(func(token string) bool { return token == "token-2" })
	var all sync.WaitGroup
	for range 10 {
		all.Go(func() {
			if res := postAs(t, s, g.URL, a); res.Reason != "" || res.Body != "*** is number 2" {
				t.Errorf("%+v", res)
			}
		})
	}
	all.Wait()
	if n := l.given.Load(); n != 2 {
		t.Errorf("%d tokens, want 2", n)
	}
	// It takes none: one more is got, one more request made, and that is the attempt's answer.
	g.takes.Store(func(string) bool { return false })
	asked, given := g.asked.Load(), l.given.Load()
	res := postAs(t, s, g.URL, a)
	if res.Status != 401 || res.Reason != delivery.ReasonStatus || res.Body != "not with that one" {
		t.Errorf("%+v", res)
	}
	if n, m := g.asked.Load()-asked, l.given.Load()-given; n != 2 || m != 1 {
		t.Errorf("%d requests and %d tokens, want 2 and 1", n, m)
	}
	// The second request keeps to the endpoint's limits.
	g.takes.Store(func(string) bool { return true })
	postAs(t, s, g.URL, a)
	g.takes.Store(func(string) bool { return false })
	asked = g.asked.Load()
	res = s.Send(t.Context(), delivery.Request{
		URL: g.URL, Header: http.Header{}, Timeout: 20 * time.Second, Access: a, Again: func(time.Time) (time.Duration, bool) { return 0, false },
	})
	if n := g.asked.Load() - asked; n != 1 || res.Status != 401 {
		t.Errorf("%d requests where there is no room: %+v", n, res)
	}
	// A login that fails after a refusal is why.
	l.say(func(w http.ResponseWriter) bool { w.WriteHeader(500); return true })
	if res := postAs(t, s, g.URL, a); res.Status != 401 || res.Reason != delivery.ReasonAuth {
		t.Errorf("%+v", res)
	}
}

// An attempt that has waited for a token takes a new place under the endpoint's limits: all that wait
// would go out together. One that finds a token goes at once.
func TestWhoWaitsForATokenTakesANewPlace(t *testing.T) {
	t.Parallel()
	l, g, s := newLogin(t, false), newGuarded(t), sender(t)
	places := 0
	send := func() delivery.Response {
		return s.Send(t.Context(), delivery.Request{
			URL: g.URL, Header: http.Header{}, Timeout: 20 * time.Second, Access: &delivery.Access{Grant: l.grant()},
			Again: func(time.Time) (time.Duration, bool) { places++; return 0, false },
		})
	}
	if res := send(); res.Reason != delivery.ReasonAuth || g.asked.Load() != 0 || places != 1 {
		t.Errorf("without a place: %+v, %d places asked for", res, places)
	}
	if res := send(); res.Reason != "" || places != 1 {
		t.Errorf("with a token: %+v, %d places asked for", res, places)
	}
}

// What an endpoint says is success is not asked for again.
func TestA401ThatIsSuccessIsNoRefusal(t *testing.T) {
	t.Parallel()
	l, g, s := newLogin(t, false), newGuarded(t), sender(t)
	g.takes.Store(func(string) bool { return false })
	res := s.Send(t.Context(), delivery.Request{
		URL: g.URL, Header: http.Header{}, Timeout: 20 * time.Second, Access: &delivery.Access{Grant: l.grant()},
		Success: func(status int) bool { return status == http.StatusUnauthorized },
	})
	if res.Reason != "" || g.asked.Load() != 1 {
		t.Errorf("%+v after %d requests", res, g.asked.Load())
	}
}

func TestATokenEndpointThatFails(t *testing.T) {
	t.Parallel()
	status := func(code int, body string) func(http.ResponseWriter) bool {
		return func(w http.ResponseWriter) bool {
			w.WriteHeader(code)
			_, _ = io.WriteString(w, body)
			return true
		}
	}
	for name, c := range map[string]struct {
		answer func(http.ResponseWriter) bool
		says   string
	}{
		"an error":               {status(500, `{"error":"canary"}`), "answered 500"},
		"a refusal":              {status(401, `{"error":"invalid_client","error_description":"canary"}`), "answered 401 (invalid_client)"},
		"a code that is unknown": {status(400, `{"error":"canary"}`), "answered 400"},
		"no JSON":                {status(200, `canary`), "is not the JSON"},
		"no token":               {status(200, `{"token_type":"bearer"}`), "has no access_token"},
		"a token with a break":   {status(200, `{"access_token":"canary\r\nX: y"}`), "that a header could hold"},
		"another kind":           {status(200, `{"access_token":"canary","token_type":"mac"}`), "another kind of token"},
		"a redirect": {func(w http.ResponseWriter) bool {
			w.Header().Set("Location", "http://127.0.0.1:1/canary")
			w.WriteHeader(302)
			return true
		}, "redirects are not followed"},
		"no HTTP": {func(w http.ResponseWriter) bool {
			c, _, _ := w.(http.Hijacker).Hijack()
			_, _ = io.WriteString(c, "canary\r\n\r\n")
			_ = c.Close()
			return true
		}, "is not valid HTTP"},
		"nothing": {func(w http.ResponseWriter) bool {
			c, _, _ := w.(http.Hijacker).Hijack()
			_ = c.Close()
			return true
		}, "closed the connection"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l, g, s := newLogin(t, false), newGuarded(t), sender(t)
			l.say(c.answer)
			res := postAs(t, s, g.URL, &delivery.Access{Grant: l.grant()})
			if res.Reason != delivery.ReasonAuth || res.Status != 0 || !strings.Contains(res.Detail, c.says) {
				t.Errorf("%+v, want %q", res, c.says)
			}
			if g.asked.Load() != 0 {
				t.Error("the endpoint was asked without a token")
			}
		})
	}
}

// The token endpoint is held to the same rules as the endpoint.
func TestTokenEndpointsAreGuarded(t *testing.T) {
	t.Parallel()
	l := newLogin(t, false)
	g := newGuarded(t)
	_, port, _ := net.SplitHostPort(l.Listener.Addr().String())
	own := netip.MustParseAddrPort(l.Listener.Addr().String())
	for name, c := range map[string]struct {
		url, says string
		egress    webhook.Egress
	}{
		"metadata":               {"http://169.254.169.254/token", "never allowed", loopback()},
		"no public address":      {"https://10.0.0.1/token", "is not public", loopback()},
		"a listener of our own":  {"http://127.0.0.1:" + port + "/token", "a listener of this Hookspan", webhook.Egress{Allow: loopback().Allow, Own: func() []netip.AddrPort { return []netip.AddrPort{own} }}},
		"http to a public one":   {"http://93.184.216.34/token", "use https", loopback()},
		"an address in disguise": {"http://0x7f000001/token", "unusual spelling", loopback()},
	} {
		s := webhook.New(webhook.Options{Egress: c.egress})
		res := postAs(t, s, g.URL, &delivery.Access{Grant: delivery.NewGrant(c.url, "i", "s", nil)})
		s.Close()
		if res.Reason != delivery.ReasonAuth || !strings.Contains(res.Detail, c.says) {
			t.Errorf("%s: %+v, want %q", name, res, c.says)
		}
	}
	if l.given.Load() != 0 || g.asked.Load() != 0 {
		t.Errorf("%d tokens, %d requests", l.given.Load(), g.asked.Load())
	}
}

// Authorities and certificate of an endpoint serve for its token endpoint too, the pinned name is
// the endpoint's alone.
func TestTokenEndpointsHaveTheEndpointsTLS(t *testing.T) {
	t.Parallel()
	l := newLogin(t, true)
	g := newGuarded(t)
	s := sender(t)
	if res := postAs(t, s, g.URL, &delivery.Access{Grant: l.grant()}); res.Reason != delivery.ReasonAuth || !strings.Contains(res.Detail, "unknown authority") {
		t.Errorf("%+v", res)
	}
	a := &delivery.Access{Grant: l.grant(), TLS: delivery.NewTLS(pemOf(l.Certificate()), tls.Certificate{}, "", "pinned.example")}
	if res := postAs(t, s, g.URL, a); res.Reason != "" || l.given.Load() != 1 {
		t.Errorf("%+v", res)
	}
}

func TestCloseEndsAQuestion(t *testing.T) {
	t.Parallel()
	asked := make(chan struct{}, 9)
	port := listen(t, "127.0.0.1:0", func(c net.Conn) { asked <- struct{}{}; hold(c) })
	s := webhook.New(webhook.Options{Egress: loopback()})
	done := make(chan delivery.Response, 1)
	go func() {
		done <- s.Send(t.Context(), delivery.Request{
			URL: "http://127.0.0.1:1/", Header: http.Header{}, Timeout: time.Minute,
			Access: &delivery.Access{Grant: delivery.NewGrant("http://127.0.0.1:"+port+"/", "i", "s", nil)},
		})
	}()
	<-asked
	s.Close()
	if res := <-done; res.Reason != delivery.ReasonAuth {
		t.Errorf("%+v", res)
	}
}

func pemOf(c *x509.Certificate) string { return pemBlock(c.Raw) }
