package provider_test

import (
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hookspan/hookspan/bridge/provider"
)

// vectorFile is vectors/<provider>.json: what a provider sent, and what it means. Refusals
// are not written there; the test derives them.
type vectorFile struct {
	Provider     string
	Success      int    // when it is not just any 2xx
	Answer       string // body of the answer to a delivery
	AnswerType   string `json:"answer_type"` // its Content-Type
	MaxBody      int64  `json:"max_body"`    // when it is not the usual one
	Tolerance    string // when a signed time is checked
	UnsignedBody bool   `json:"unsigned_body"` // a token covers no body
	Vectors      []vector
}

type vector struct {
	ID, Method, URL, Body string
	Headers               map[string]string
	Secrets               []string
	Options               map[string]string
	Expected              string // the signature or token, as it stands in a header
	Tolerance             string
	Malleable             bool // the cipher lets a flipped bit through
	Received              time.Time
	Want                  want
}

type want struct {
	ID, Type, Source, DataContentType string
	Subject                           *string
	Time                              time.Time
	Data                              *string
	Extensions                        map[string]string
	Invalid                           bool
	Events                            int
	Answer                            *struct {
		Status  int
		Body    string
		Headers map[string]string
	}
}

var load = sync.OnceValues(func() (*provider.Catalog, error) { return provider.Load("") })

func catalog(t testing.TB) *provider.Catalog {
	t.Helper()
	c, err := load()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func readVectors(t testing.TB) []vectorFile {
	t.Helper()
	names, err := filepath.Glob("vectors/*.json")
	if err != nil || len(names) == 0 {
		t.Fatalf("no vectors: %v", err)
	}
	var files []vectorFile
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		var f vectorFile
		if err := json.Unmarshal(text, &f); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for i := range f.Vectors {
			if f.Vectors[i].Tolerance == "" {
				f.Vectors[i].Tolerance = f.Tolerance
			}
		}
		files = append(files, f)
	}
	return files
}

func (v vector) request() *provider.Request {
	r := &provider.Request{Method: v.Method, URL: v.URL, Header: http.Header{}, Body: []byte(v.Body), Received: v.Received}
	if r.Method == "" {
		r.Method = http.MethodPost
	}
	if r.URL == "" {
		r.URL = "https://hooks.example.com/webhooks/shop"
	}
	for name, value := range v.Headers {
		r.Header.Set(name, value)
	}
	return r
}

func (v vector) verifier(t testing.TB, p *provider.Provider, secrets ...string) *provider.Verifier {
	t.Helper()
	if secrets == nil {
		secrets = v.Secrets
	}
	verifier, err := p.Compile(provider.Config{Source: "shop", Secrets: secrets, Options: v.Options})
	if err != nil {
		t.Fatal(err)
	}
	return verifier
}

func TestEveryProviderHasVectors(t *testing.T) {
	t.Parallel()
	have := map[string]bool{}
	for _, f := range readVectors(t) {
		have[f.Provider] = true
	}
	for _, name := range catalog(t).Names() {
		if !have[name] {
			t.Errorf("provider %s has no vectors/%s.json", name, name)
		}
	}
}

func TestVectors(t *testing.T) {
	t.Parallel()
	c := catalog(t)
	for _, f := range readVectors(t) {
		p, ok := c.Provider(f.Provider)
		if !ok {
			t.Errorf("there are vectors of %s, which is no provider", f.Provider)
			continue
		}
		for _, v := range f.Vectors {
			t.Run(f.Provider+"/"+v.ID, func(t *testing.T) {
				t.Parallel()
				verifier := v.verifier(t, p)
				verdict, err := verifier.Verify(v.request())
				if err != nil {
					t.Fatalf("refused: %v", err)
				}
				checkVerdict(t, verdict, v)
				if f.Success != 0 && verifier.Success().Status != f.Success {
					t.Errorf("success is answered %d, want %d", verifier.Success().Status, f.Success)
				}
				if a := verifier.Success(); string(a.Body) != f.Answer || a.Header.Get("Content-Type") != f.AnswerType {
					t.Errorf("success is answered %q %q", a.Header, a.Body)
				}
				if f.MaxBody != 0 && verifier.MaxBody() != f.MaxBody {
					t.Errorf("bodies of %d bytes are taken, want %d", verifier.MaxBody(), f.MaxBody)
				}
				if v.Want.Answer == nil || v.Method == "" {
					derivedRefusals(t, f, v, p)
				}
			})
		}
	}
}

func checkVerdict(t *testing.T, got provider.Verdict, v vector) {
	t.Helper()
	w := v.Want
	if w.Answer != nil {
		if got.Answer == nil || len(got.Events) != 0 {
			t.Fatalf("no handshake: %+v", got)
		}
		if got.Answer.Status != w.Answer.Status || string(got.Answer.Body) != w.Answer.Body {
			t.Errorf("answer %d %q", got.Answer.Status, got.Answer.Body)
		}
		for name, value := range w.Answer.Headers {
			if got.Answer.Header.Get(name) != value {
				t.Errorf("answer header %s is %q, want %q", name, got.Answer.Header.Get(name), value)
			}
		}
		return
	}
	if (got.Invalid != "") != w.Invalid || (got.Reason == provider.InvalidBody) != w.Invalid {
		t.Fatalf("invalid is %q %s", got.Invalid, got.Reason)
	}
	if len(got.Events) != max(w.Events, 1) {
		t.Fatalf("%d events", len(got.Events))
	}
	checkEvent(t, got, v)
}

func checkEvent(t *testing.T, got provider.Verdict, v vector) {
	t.Helper()
	w, e := v.Want, got.Events[0]
	same := func(name, got, want string) {
		if want != "" && got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	same("id", e.ID, w.ID)
	same("type", e.Type, w.Type)
	same("source", e.Source, w.Source)
	same("datacontenttype", e.DataContentType, w.DataContentType)
	if w.Subject != nil && e.Subject != *w.Subject {
		t.Errorf("subject is %q, want %q", e.Subject, *w.Subject)
	}
	if !w.Time.IsZero() && !e.Time.Equal(w.Time) {
		t.Errorf("time is %s, want %s", e.Time, w.Time)
	}
	data := v.Body
	if w.Data != nil {
		data = *w.Data
	}
	if string(e.Data) != data && w.Events == 0 {
		t.Errorf("data is %q", e.Data)
	}
	if w.Extensions != nil {
		have := map[string]string{}
		for _, x := range e.Extensions {
			have[x.Name] = x.Value
		}
		if !maps.Equal(have, w.Extensions) {
			t.Errorf("extensions are %v, want %v", have, w.Extensions)
		}
	}
	if err := e.Validate(); err != nil {
		t.Error(err)
	}
}

// derivedRefusals alters a genuine request in every way that must be noticed.
func derivedRefusals(t *testing.T, f vectorFile, v vector, p *provider.Provider) {
	verifier := v.verifier(t, p)
	refused := func(what string, verifier *provider.Verifier, r *provider.Request, reasons ...provider.Reason) {
		t.Helper()
		_, err := verifier.Verify(r)
		var refusal *provider.Refusal
		if !errors.As(err, &refusal) {
			t.Errorf("%s: accepted", what)
			return
		}
		known := false
		for _, reason := range reasons {
			known = known || refusal.Reason == reason
		}
		if len(reasons) > 0 && !known {
			t.Errorf("%s: refused as %s (%s), want %v", what, refusal.Reason, refusal.Detail, reasons)
		}
		for _, secret := range v.Secrets {
			if len(secret) > 8 && strings.Contains(refusal.Error(), secret) {
				t.Errorf("%s: the refusal shows the secret", what)
			}
		}
	}
	if !f.UnsignedBody && !v.Malleable && len(v.Body) > 0 {
		r := v.request()
		r.Body[len(r.Body)/2] = flip(r.Body[len(r.Body)/2])
		refused("a flipped byte in the body", verifier, r)
		r = v.request()
		r.Body = r.Body[:len(r.Body)-1]
		refused("a body cut short", verifier, r)
	}
	wrong := make([]string, len(v.Secrets))
	for i, secret := range v.Secrets {
		wrong[i] = alter(secret)
	}
	if _, err := p.Compile(provider.Config{Source: "shop", Secrets: wrong, Options: v.Options}); err == nil { // else it is no key any more
		refused("another secret", v.verifier(t, p, wrong...), v.request())
		if _, err := v.verifier(t, p, append(wrong, v.Secrets...)...).Verify(v.request()); err != nil {
			t.Errorf("the right secret behind a wrong one: %v", err)
		}
	}
	derivedSignatures(t, v, verifier, refused)
	derivedTimes(t, v, verifier, refused)
}

func derivedSignatures(t *testing.T, v vector, verifier *provider.Verifier, refused func(string, *provider.Verifier, *provider.Request, ...provider.Reason)) {
	if v.Expected == "" {
		return
	}
	for name, value := range v.Headers {
		at := strings.Index(value, v.Expected)
		if at < 0 {
			continue
		}
		for i := range v.Expected {
			flipped := []byte(value)
			flipped[at+i] = flip(flipped[at+i])
			r := v.request()
			r.Header.Set(name, string(flipped))
			refused("a flipped character in the signature", verifier, r, provider.BadSignature, provider.Token)
		}
		r := v.request()
		r.Header.Del(name)
		refused("no signature", verifier, r, provider.NoSignature, provider.Token)
		r = v.request()
		r.Header.Set(name, strings.Replace(value, v.Expected, "", 1))
		refused("an empty signature", verifier, r, provider.BadSignature, provider.NoSignature, provider.Token)
		return
	}
	t.Errorf("no header holds the expected signature")
}

func derivedTimes(t *testing.T, v vector, verifier *provider.Verifier, refused func(string, *provider.Verifier, *provider.Request, ...provider.Reason)) {
	if v.Tolerance == "" {
		for _, years := range []int{-10, 10} {
			r := v.request()
			r.Received = r.Received.AddDate(years, 0, 0)
			if _, err := verifier.Verify(r); err != nil {
				t.Errorf("no time is signed, and %d years matter: %v", years, err)
			}
		}
		return
	}
	tolerance, err := time.ParseDuration(v.Tolerance)
	if err != nil {
		t.Fatal(err)
	}
	r := v.request()
	r.Received = r.Received.Add(tolerance + time.Minute)
	refused("a stale time", verifier, r, provider.Stale)
	r = v.request()
	r.Received = r.Received.Add(-tolerance - time.Minute)
	refused("a future time", verifier, r, provider.Future)
}

// flip makes another character that the same encodings allow, where there is one.
func flip(c byte) byte {
	switch {
	case c == '0':
		return '1'
	case c >= '1' && c <= '9', c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z':
		return '0'
	default:
		return c ^ 1
	}
}

// alter changes one character in the second quarter of a secret and keeps its form.
func alter(secret string) string {
	b := []byte(secret)
	for i := len(b) / 4; i < len(b); i++ {
		if c := b[i]; c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' {
			b[i] = flip(c)
			return string(b)
		}
	}
	return secret + "x"
}
