package draft_test

import (
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"hash"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hookspan/hookspan/bridge/provider"
	"github.com/hookspan/hookspan/bridge/provider/draft"
	"github.com/hookspan/hookspan/bridge/provider/providertest"
	"github.com/hookspan/hookspan/bridge/provider/vector"
)

const (
	secret = "an invented shared secret"
	body   = `{"id":"evt_7","type":"order.paid","created_at":"2026-05-04T10:00:00Z","data":{"id":"ord_1"}}`
	sent   = "1777888800"
)

var received = time.Unix(1777888800, 0).UTC()

var load = sync.OnceValues(func() (*provider.Catalog, error) { return provider.Load("") })

func catalog(t testing.TB) *provider.Catalog {
	t.Helper()
	c, err := load()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func mac(fresh func() hash.Hash, key, text string) []byte {
	h := hmac.New(fresh, []byte(key))
	h.Write([]byte(text))
	return h.Sum(nil)
}

func post(body string, headers ...string) *provider.Request {
	r := &provider.Request{Method: "POST", URL: "https://hooks.example.com/webhooks/own", Header: http.Header{"Content-Type": {"application/json"}}, Body: []byte(body), Received: received}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	return r
}

// drafted is a draft that loads, takes the request where it is proven, and whose vectors hold.
func drafted(t testing.TB, r *provider.Request, secrets ...string) *draft.Draft {
	t.Helper()
	d, err := draft.New(catalog(t), "own", r, secrets)
	if err != nil {
		t.Fatal(err)
	}
	p, err := catalog(t).Read("own.yaml", d.Text)
	if err != nil {
		t.Fatalf("%v:\n%s", err, d.Text)
	}
	for _, secret := range secrets {
		if strings.Contains(string(d.Text)+string(d.Vectors)+fmt.Sprint(d.Notes), secret) {
			t.Errorf("the secret is in:\n%s%s%v", d.Text, d.Vectors, d.Notes)
		}
	}
	if !d.Proven {
		if d.Vectors != nil {
			t.Errorf("vectors of what is not proven:\n%s", d.Vectors)
		}
		return d
	}
	off := time.Duration(0)
	genuine := false
	for _, secret := range secrets {
		v, err := p.Compile(provider.Config{Source: "own", Secrets: []string{secret}, Tolerance: &off})
		if err == nil {
			_, err = v.Verify(r)
		}
		genuine = genuine || err == nil
	}
	if !genuine {
		t.Errorf("the request is not genuine by its own draft:\n%s", d.Text)
	}
	if d.Vectors != nil {
		f, err := vector.Parse(d.Vectors)
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range f.Vectors {
			if o := f.Check(p, v); len(o.Faults) > 0 {
				t.Errorf("%v", o.Faults)
			}
		}
	}
	return d
}

func TestWhatIsProven(t *testing.T) {
	t.Parallel()
	binary := "\x01\x02 of a key that is not text"
	for name, c := range map[string]struct {
		request *provider.Request
		secret  string
		want    []string
	}{
		"the body, in hex": {post(body, "X-Own-Signature", hex.EncodeToString(mac(sha256.New, secret, body)), "X-Own-Event", "order.paid", "X-Own-Delivery", "d-1"), secret,
			[]string{`header: "X-Own-Signature"`, `hash: "sha256"`, `encoding: "hex"`, `content: "{body}"`, `id: "header:X-Own-Delivery"`, `type: "header:X-Own-Event"`, `time: "/created_at"`, `subject: "/data/id"`}},
		"behind a prefix": {post(body, "X-Hub-Sign", "sha1="+hex.EncodeToString(mac(sha1.New, secret, body))), secret,
			[]string{`prefix: "sha1="`, `hash: "sha1"`, `id: "/id"`, `type: "/type"`}},
		"time and body, base64": {post(body, "X-Own-Signature", base64.StdEncoding.EncodeToString(mac(sha256.New, secret, sent+"."+body)), "X-Own-Timestamp", sent), secret,
			[]string{`encoding: "base64"`, `content: "{header:X-Own-Timestamp}.{body}"`, `freshness: {time: "header:X-Own-Timestamp", tolerance: 5m}`}},
		"a list": {post(body, "Own-Signature", "t="+sent+",v1="+hex.EncodeToString(mac(sha256.New, secret, sent+"."+body))+",v0=00"), secret,
			[]string{`item: "v1"`, `content: "{item:t}.{body}"`, `freshness: {time: "item:t", tolerance: 5m}`}},
		"another list": {post(body, "Own-Signature", "ts="+sent+";h1="+hex.EncodeToString(mac(sha256.New, secret, sent+":"+body))), secret,
			[]string{`item: "h1"`, `separator: ";"`, `content: "{item:ts}:{body}"`}},
		"versions, and a key in base64": {post(body, "Own-Signature", "v1,"+base64.StdEncoding.EncodeToString(mac(sha256.New, binary, "m1."+sent+"."+body)), "Own-Message-Id", "m1", "Own-Timestamp", sent),
			"whsec_" + base64.StdEncoding.EncodeToString([]byte(binary)),
			[]string{`version: "v1"`, `key: "base64"`, `key_prefix: "whsec_"`, `content: "{header:Own-Message-Id}.{header:Own-Timestamp}.{body}"`, `id: "header:Own-Message-Id"`}},
		"a key in hex": {post(body, "X-Own-Signature", hex.EncodeToString(mac(sha256.New, binary, body))), hex.EncodeToString([]byte(binary)), []string{`key: "hex"`}},
		"the URL too":  {post(body, "X-Own-Signature", hex.EncodeToString(mac(sha256.New, secret, "https://hooks.example.com/webhooks/own"+body))), secret, []string{`content: "{url}{body}"`}},
		"a plain hash": {post(body, "X-Own-Signature", fmt.Sprintf("%x", sha256.Sum256([]byte(body+secret)))), secret, []string{"- hash:", `content: "{body}{secret}"`}},
		"a token":      {post(body, "X-Own-Token", secret), secret, []string{`token: {in: "header:X-Own-Token"}`}},
		"bearer":       {post(body, "Authorization", "Bearer "+secret), secret, []string{`token: {in: "bearer"}`}},
		"basic":        {post(body, "Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte("shop:secret"))), "shop:secret", []string{`token: {in: "basic"}`}},
		"in an array":  {post("["+body+"]", "X-Own-Signature", hex.EncodeToString(mac(sha256.New, secret, "["+body+"]"))), secret, []string{"whole: true", `id: "/id"`}},
		"in a form": {func() *provider.Request {
			r := post("event=paid&event_id=7", "X-Own-Signature", hex.EncodeToString(mac(sha256.New, secret, "event=paid&event_id=7")))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			return r
		}(), secret, []string{"body: form", `id: "form:event_id"`, `type: "form:event"`}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := drafted(t, c.request, "quite another shared secret", c.secret)
			if !d.Proven || d.Vectors == nil {
				t.Fatalf("not proven: %v\n%s", d.Notes, d.Text)
			}
			for _, want := range c.want {
				if !strings.Contains(string(d.Text), want) {
					t.Errorf("%s is not in:\n%s", want, d.Text)
				}
			}
		})
	}
}

func TestWhatIsGuessed(t *testing.T) {
	t.Parallel()
	sum := hex.EncodeToString(mac(sha256.New, secret, body))
	for name, c := range map[string]struct {
		request *provider.Request
		secrets []string
		want    []string
	}{
		"without a secret":    {post(body, "X-Own-Signature", "sha256="+sum), nil, []string{`prefix: "sha256="`, `content: "{body}"`, "# Guessed"}},
		"with a time":         {post(body, "X-Own-Signature", sum, "X-Own-Time", sent), nil, []string{`content: "{header:X-Own-Time}.{body}"`, "freshness"}},
		"another secret":      {post(body, "X-Own-Signature", sum), []string{"quite another shared secret"}, []string{`header: "X-Own-Signature"`, "# Guessed"}},
		"a token":             {post(body, "X-Own-Token", "abc"), nil, []string{`token: {in: "header:X-Own-Token"}`}},
		"basic":               {post(body, "Authorization", "Basic YTpi"), nil, []string{`token: {in: "basic"}`}},
		"under a public key":  {post(body, "X-Own-Signature", base64.StdEncoding.EncodeToString(make([]byte, 71))), nil, []string{`header: "X-Own-Signature"`, "71 bytes, which no hash makes", "# Not found"}},
		"a token of its own":  {post(body, "Authorization", "JWT eyJhbGciOiJIUzI1NiJ9.e30.AAAA"), nil, []string{`header: "Authorization"`, "the family jws"}},
		"nothing":             {post(body), nil, []string{"# Not found", `header: "X-Signature"`}},
		"a delivery by GET":   {&provider.Request{Method: "GET", URL: "https://hooks.example.com/in?event=paid&id=7", Header: http.Header{"X-Signature": {sum}}, Received: received}, nil, []string{`methods: "GET"`, `content: "{url}"`, `id: "query:id"`, `type: "query:event"`}},
		"no attributes":       {post(`{"a":1}`, "X-Own-Signature", sum), nil, []string{"# id: not found", "# type: not found", "# time: not found", "# subject: not found"}},
		"nothing but garbage": {post("\xff\x00${uuid}", "X-Own-Signature", sum), nil, []string{"body: any"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := drafted(t, c.request, c.secrets...)
			if d.Proven {
				t.Errorf("proven: %v", d.Notes)
			}
			for _, want := range c.want {
				if !strings.Contains(string(d.Text), want) {
					t.Errorf("%s is not in:\n%s", want, d.Text)
				}
			}
		})
	}
	d := drafted(t, post(body, "X-Hub-Signature-256", "sha256="+sum, "X-Github-Event", "push"))
	if !strings.Contains(d.Notes[0].Text, "looks like github's") || strings.Contains(string(d.Text), "looks like") {
		t.Errorf("%v\n%s", d.Notes, d.Text)
	}
	for _, name := range []string{"", "Own", "a b", "../own", "a.b"} {
		if _, err := draft.New(catalog(t), name, post(body), nil); err == nil {
			t.Errorf("%q: taken", name)
		}
	}
	for _, name := range []string{"null", "true", "7", "-", "github"} {
		if d, err := draft.New(catalog(t), name, post(body), nil); err != nil || len(d.Text) == 0 {
			t.Errorf("%q: %v", name, err)
		}
	}
}

// A request that shows the secret where nothing is proven by it gives it away in no part of the draft.
func TestNoDraftHoldsTheSecret(t *testing.T) {
	t.Parallel()
	inBody := `{"id":"` + secret + `","type":"` + secret + `","token":"` + secret + `"}`
	d := drafted(t, post(inBody, "X-Own-Signature", hex.EncodeToString(mac(sha256.New, secret, inBody)), "X-Own-Id", "1"+secret), secret)
	if !d.Proven || d.Vectors != nil || strings.Contains(string(d.Text), "samples:") {
		t.Errorf("%v\n%s%s", d.Notes, d.Text, d.Vectors)
	}
	inHeader := post(body, "X-Own-Signature", hex.EncodeToString(mac(sha256.New, secret, "1"+secret+"."+body)), "X-Own-Nonce", "1"+secret, "X-Own-Event", "2"+secret)
	if d := drafted(t, inHeader, secret); !d.Proven {
		t.Errorf("%v\n%s%s", d.Notes, d.Text, d.Vectors)
	}
}

// What the catalogue's providers send is proven by their secrets alone, for all but a few.
func TestTheCatalogueIsDrafted(t *testing.T) {
	t.Parallel()
	c := catalog(t)
	var mu sync.Mutex
	proven, missed := 0, []string{}
	t.Cleanup(func() {
		t.Logf("%d are proven, %d are not: %s", proven, len(missed), strings.Join(missed, " "))
		if proven < 224 {
			t.Errorf("only %d are proven", proven)
		}
	})
	for _, name := range c.Names() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, _ := c.Provider(name)
			options := map[string]string{}
			for _, o := range p.Options {
				if o.Required {
					options[o.Name] = o.Example
				}
			}
			for _, secret := range providertest.Secrets() {
				s, err := p.Sample(provider.SampleRequest{Secret: secret, Options: options, URL: "https://hooks.example.com/webhooks/own", Now: received, Seq: 1})
				if err != nil {
					continue
				}
				d := drafted(t, &provider.Request{Method: s.Method, URL: s.URL, Header: s.Header, Body: s.Body, Received: received}, secret)
				mu.Lock()
				defer mu.Unlock()
				if d.Proven {
					proven++
				} else {
					missed = append(missed, name)
				}
				return
			}
			t.Error("no secret is one for it")
		})
	}
}

func FuzzNew(f *testing.F) {
	c := catalog(f)
	f.Add("POST", "/in?sig=1", "X-Own-Signature", "sha256=00", "X-Time", sent, []byte(body), secret)
	f.Add("GET", "", "Own-Sig", "t=1,v1=00", "Authorization", "Basic !", []byte("\xff"), "whsec_AA==")
	f.Add("", "%", "", "v1,AAAA", "X-Event", "${uuid}", []byte("[{\"id\":\"\u0085: #\"}]"), "")
	f.Fuzz(func(t *testing.T, method, url, name, value, other, text string, body []byte, secret string) {
		r := &provider.Request{Method: method, URL: url, Header: http.Header{}, Body: body, Received: received}
		r.Header.Set(name, value)
		r.Header.Set(other, text)
		for _, secrets := range [][]string{nil, {secret}} {
			d, err := draft.New(c, "own", r, secrets)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := c.Read("own.yaml", d.Text); err != nil {
				t.Fatalf("%v:\n%s", err, d.Text)
			}
		}
	})
}
