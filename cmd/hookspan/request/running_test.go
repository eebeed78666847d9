package request

import (
	"bufio"
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/hookspan/hookspan/bridge/config"
	"github.com/hookspan/hookspan/bridge/provider"
	"github.com/hookspan/hookspan/bridge/provider/providertest"
	"github.com/hookspan/hookspan/bridge/receiver"
	"github.com/hookspan/hookspan/cmd/hookspan/server"
	"github.com/hookspan/hookspan/sinks/jetstream/natstest"
)

// A running is a server of a configuration, and the configuration that verify has of it.
type running struct {
	*server.Process
	conf    *config.Config
	catalog *provider.Catalog
}

func run(t *testing.T, environ ...string) *running {
	t.Helper()
	environ = append([]string{
		"HOOKSPAN_DATA_DIR=" + filepath.Join(t.TempDir(), "data"), "HOOKSPAN_LISTEN=127.0.0.1:0", "HOOKSPAN_ADMIN_LISTEN=127.0.0.1:0", "HOOKSPAN_STOP_GRACE=1m", // which no machine is too slow for
	}, environ...)
	c, err := server.Configured(t.Context(), environ)
	if err != nil {
		t.Fatal(err)
	}
	r := &running{conf: c}
	if r.catalog, err = provider.Load(""); err != nil {
		t.Fatal(err)
	}
	if r.Process, err = server.Open(c, server.Parts{Log: slog.New(slog.DiscardHandler)}); err != nil {
		t.Fatal(err)
	}
	ctx, end := context.WithCancel(context.Background())
	ended := make(chan error, 1) // receives what running it came to, once
	go func() { ended <- r.Run(ctx) }()
	t.Cleanup(func() {
		end()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		_ = r.Close() // nothing is asked of it any more
	})
	for r.Readiness(t.Context()) != nil {
		select {
		case err := <-ended:
			ended <- err
			t.Fatal("the server does not start")
		case <-time.After(10 * time.Millisecond):
		}
	}
	return r
}

// answers sends the text of a request, and returns the status.
func (r *running) answers(t *testing.T, text []byte) int {
	t.Helper()
	conn, err := net.Dial("tcp", r.IntakeAddr())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Write(text); err != nil {
		t.Fatal(err)
	}
	a, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	_ = a.Body.Close()
	return a.StatusCode
}

// verify judges the text of a request as a source does.
func (r *running) verify(t *testing.T, source string, text []byte) *Judgement {
	t.Helper()
	request := provider.Request{Received: time.Now()}
	if err := readRequest(&request, text); err != nil {
		t.Fatal(err)
	}
	by, err := judgeIn(r.conf, r.catalog, source, "127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	j, _, err := by.take(&request, "")
	if err != nil {
		t.Fatal(err)
	}
	return j
}

// A tried source is asked with a sample of its provider and all that can be made of it.
type tried struct {
	provider string
	settings []string
	options  map[string]string
	target   string // of the signature, where it is not the source's own URL
	body     string // signed instead of the sample's
	headers  []string
	plain    bool // only asked with a few
}

// Each way in which a source may depart from what its provider's file says.
var triedSources = map[string]tried{
	"strict":       {provider: "sticker", settings: []string{"_SCHEMA=reject"}},
	"strict-bad":   {provider: "sticker", settings: []string{"_SCHEMA=reject"}, body: `{"event":"order.created","data":{}}`},
	"held":         {provider: "sticker", settings: []string{"_SCHEMA=quarantine"}, body: `{"event":"order.created","data":{}}`},
	"warns":        {provider: "sticker", settings: []string{"_SCHEMA=warn"}, body: `{"event":"order.created","data":{}}`},
	"observes":     {provider: "sticker", settings: []string{"_VERIFY=observe"}},
	"observes-sms": {provider: "twilio", settings: []string{"_VERIFY=observe"}},
	"no-json":      {provider: "sticker", body: "moon"},
	"no-json-422":  {provider: "sticker", settings: []string{"_INVALID=reject"}, body: "moon"},
	"no-json-200":  {provider: "sticker", settings: []string{"_INVALID=accept"}, body: "moon"},
	"small":        {provider: "sticker", settings: []string{"_MAX_BODY=40B"}},
	"elsewhere":    {provider: "sticker", settings: []string{"_TOPIC=hookspan.events.else.where", "_TYPE_PREFIX=org.example", "_URI=/x"}},
	"host":         {provider: "hmac", options: map[string]string{"header": "X-Sig", "template": "{header:Host}.{method}{url}{body}"}},
	"public":       {provider: "twilio", settings: []string{"_PUBLIC_URL=https://public.example/hook"}, target: "https://public.example/hook"},
	"capitals":     {provider: "square", settings: []string{"_PUBLIC_URL=HTTPS://Public.example/Hook"}, target: "https://public.example/Hook"},
	"port":         {provider: "monday", settings: []string{"_PUBLIC_URL=https://public.example:8443/hook"}, target: "https://public.example/hook"},
	"proxied":      {provider: "square", target: "https://outside.example/webhooks/proxied", headers: []string{"X-Forwarded-Proto: https, http", "X-Forwarded-Host: outside.example"}},
	"tenant":       {provider: "sticker", settings: []string{"_TENANT=header:Host", "_DEDUP_KEY=header:Host"}},
	"fresh":        {provider: "sticker", settings: []string{"_TOLERANCE=5m"}},
	"structured":   {provider: "github", settings: []string{"_CONTENT=structured"}},
}

// with are the options of the source: those that its provider asks for, and its own.
func (s *tried) with(p *provider.Provider) map[string]string {
	options := map[string]string{}
	for _, o := range p.Options {
		if o.Required {
			options[o.Name] = o.Example
		}
	}
	maps.Copy(options, s.options)
	return options
}

// environ is the source in the environment.
func (s *tried) environ(name, secret string, options map[string]string) []string {
	begin := "HOOKSPAN_SOURCE_" + strings.ToUpper(strings.ReplaceAll(name, "-", "_"))
	all := []string{begin + "_PROVIDER=" + s.provider, begin + "_SECRETS=" + secret, begin + "_DEDUP_WINDOW=0"}
	for _, setting := range s.settings {
		all = append(all, begin+setting)
	}
	var pairs []string
	for key, value := range options {
		pairs = append(pairs, key+"="+strings.ReplaceAll(value, ",", `\,`))
	}
	if len(pairs) > 0 {
		all = append(all, begin+"_OPTIONS="+strings.Join(pairs, ","))
	}
	return all
}

// sample is signed with the first secret whose form the provider takes.
func (s *tried) sample(t *testing.T, p *provider.Provider, name string) (made *provider.Sample, secret string) {
	t.Helper()
	q := provider.SampleRequest{URL: cmp.Or(s.target, "http://hooks.example/webhooks/"+name), Now: time.Now(), Seq: 1, Options: s.with(p)}
	if s.body != "" {
		q.Body = []byte(s.body)
	}
	var err error
	for _, q.Secret = range providertest.Secrets() {
		if made, err = p.Sample(q); err == nil {
			return made, q.Secret
		}
	}
	t.Fatalf("%s: no secret is one for %s: %v", name, p.Name, err)
	return nil, ""
}

// requests are a genuine one to the source, and what it can be altered to.
func (s *tried) requests(t *testing.T, name string, made *provider.Sample) (texts [][]byte) {
	t.Helper()
	path := "/webhooks/" + name
	if _, query, signed := strings.Cut(made.URL, "?"); signed {
		path += "?" + query
	}
	add := func(method string, header http.Header, body []byte) {
		var b bytes.Buffer
		fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: hooks.example\r\nConnection: close\r\n", method, path)
		for _, line := range s.headers {
			fmt.Fprintf(&b, "%s\r\n", line)
		}
		_ = header.Write(&b) // it cannot fail
		fmt.Fprintf(&b, "Content-Length: %d\r\n\r\n%s", len(body), body)
		texts = append(texts, b.Bytes())
	}
	with := func(name, value string) http.Header {
		h := made.Header.Clone()
		h[name] = []string{value}
		return h
	}
	add(made.Method, made.Header, made.Body)
	add(made.Method, made.Header, append(slices.Clone(made.Body), ' '))
	add(made.Method, made.Header, nil)
	add("PUT", made.Header, made.Body)
	add("GET", made.Header, nil)
	add(made.Method, with("Content-Encoding", "br"), made.Body)
	add(made.Method, with("Content-Encoding", "gzip"), made.Body)
	add(made.Method, with("Content-Encoding", "gzip"), packed(t, made.Body))
	add(made.Method, with("Content-Type", "text/plain"), made.Body)
	add(made.Method, http.Header{}, made.Body)
	for _, one := range slices.Sorted(maps.Keys(made.Header)) {
		h := made.Header.Clone()
		delete(h, one)
		add(made.Method, h, made.Body)
		add(made.Method, with(one, h.Get(one)+"x"), made.Body)
	}
	return texts
}

func packed(t *testing.T, body []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write(body); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// What verify --source says of a request, the running source answers, and what it keeps of it is on
// the topics that verify names, whatever the settings and whoever sends.
func TestVerifyIsTheRunningSource(t *testing.T) {
	t.Parallel()
	servers := natstest.Start(t, 1, natstest.Config{})
	user, password := servers.Account()
	environ := []string{"HOOKSPAN_BUS=" + servers.URL(), "HOOKSPAN_NATS_USER=" + user, "HOOKSPAN_NATS_PASSWORD=" + password, "HOOKSPAN_TRUSTED_PROXIES=127.0.0.0/8"}
	catalog, err := provider.Load("")
	if err != nil {
		t.Fatal(err)
	}
	all := maps.Clone(triedSources)
	for _, name := range catalog.Names() {
		all["p-"+name] = tried{provider: name, plain: true}
	}
	texts := map[string][][]byte{}
	for name, s := range all {
		p, ok := catalog.Provider(s.provider)
		if !ok {
			t.Fatalf("there is no provider %s", s.provider)
		}
		made, secret := s.sample(t, p, name)
		if texts[name] = s.requests(t, name, made); s.plain {
			texts[name] = texts[name][:3]
		}
		environ = append(environ, s.environ(name, secret, s.with(p))...)
	}
	environ = append(environ, "HOOKSPAN_SOURCES="+strings.Join(slices.Sorted(maps.Keys(all)), ","))
	r := run(t, environ...)

	conn, err := nats.Connect(servers.URL(), nats.UserInfo(user, password))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	kept := make(chan *nats.Msg, 1<<16) // the client sends
	for _, subject := range []string{"hookspan.events.>", "hookspan.quarantine", "hookspan.unverified", "hookspan.refusals"} {
		if _, err := conn.ChanSubscribe(subject, kept); err != nil {
			t.Fatal(err)
		}
	}
	if err := conn.Flush(); err != nil {
		t.Fatal(err)
	}
	total := 0
	for _, name := range slices.Sorted(maps.Keys(all)) {
		for _, text := range texts[name] {
			want := r.verify(t, name, text)
			if got := r.answers(t, text); got != want.Status {
				t.Errorf("%s: the source answers %d, and verify says %+v of\n%s", name, got, want, text)
			}
			for _, left := range traces(want) {
				select {
				case m := <-kept:
					if got := trace(m); !strings.HasPrefix(got, left) {
						t.Errorf("%s: the source leaves %s, and verify says %s of\n%s", name, got, left, text)
					}
				case <-time.After(time.Minute):
					t.Fatalf("%s: the source does not leave %s of\n%s", name, left, text)
				}
			}
			total++
		}
	}
	if len(kept) > 0 {
		t.Errorf("the sources keep more than verify says: %s", (<-kept).Subject)
	}
	if total < 600 {
		t.Errorf("%d requests were tried", total)
	}
}

// traces are what a judgement says that is kept of a request: its events, then a refusal.
func traces(j *Judgement) (all []string) {
	for _, e := range j.Events {
		all = append(all, e.Topic+": "+steady(e.ID))
	}
	if !j.Genuine || !j.taken() {
		all = append(all, fmt.Sprintf("hookspan.refusals: %d %s %.400s", j.Status, j.Reason, j.Detail)) // longer ones are cut
	}
	return all
}

// trace is what was kept, in the same words.
func trace(m *nats.Msg) string {
	if m.Subject == "hookspan.refusals" {
		r, err := receiver.ParseRefusal(m.Data)
		return fmt.Sprintf("%s: %d %s %s%v", m.Subject, r.Status, r.Reason, r.Detail, err)
	}
	if id := m.Header["ce-id"]; len(id) == 1 {
		return m.Subject + ": " + steady(id[0])
	}
	var e struct{ ID string }
	err := json.Unmarshal(m.Data, &e)
	return fmt.Sprintf("%s: %s%v", m.Subject, steady(e.ID), err)
}

// steady is an id without what makes equal events two where no repeats are recognised.
func steady(id string) string { return id[:min(len(id), sha256.Size*2)] }

// The bus inside the process takes less than a source may be told to.
func TestVerifyKnowsWhatTheEmbeddedBusTakes(t *testing.T) {
	t.Parallel()
	r := run(t, "HOOKSPAN_SOURCES=shop", "HOOKSPAN_SOURCE_SHOP_PROVIDER=sticker", "HOOKSPAN_SOURCE_SHOP_SECRETS=0123456789abcdef", "HOOKSPAN_SOURCE_SHOP_MAX_BODY=40MB", "HOOKSPAN_INTAKE_MEMORY=100MB")
	for size, want := range map[int]int{33 << 20: http.StatusRequestEntityTooLarge, 2 << 20: http.StatusUnauthorized} {
		text := append(fmt.Appendf(nil, "POST /webhooks/shop HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: %d\r\n\r\n", size), make([]byte, size)...)
		if j := r.verify(t, "shop", text); j.Status != want {
			t.Errorf("%d bytes: %+v, want %d", size, j, want)
		}
		if want == http.StatusRequestEntityTooLarge {
			text = text[:len(text)-size] // the server does not wait for it
		}
		if got := r.answers(t, text); got != want {
			t.Errorf("%d bytes: the source answers %d, want %d", size, got, want)
		}
	}
}
