package provider_test

import (
	"net/http"
	"testing"

	"github.com/hookspan/hookspan/bridge/provider"
)

// The handshakes that webhook systems make; each is a few lines of a provider's file.
func TestHandshakes(t *testing.T) {
	t.Parallel()
	const proof = "verify: [{hmac: {header: X-Sig}}]\nevent: {prefix: com.own}\n"
	cases := map[string]struct {
		file    string
		options map[string]string
		method  string
		query   string
		body    string
		headers []string
		status  int
		want    string
		header  [2]string
	}{
		"echo of a query value": {
			file:   proof + "challenges: [{method: GET, open: true, text: \"query:challenge\"}]\n",
			method: "GET", query: "?challenge=a%3Cb", status: 200, want: "a<b", header: [2]string{"X-Content-Type-Options", "nosniff"}},
		"echo with a token": {
			file: proof + "options: [{name: verify_token, secret: true, description: d}]\n" +
				"challenges: [{method: GET, open: true, when: \"query:hub.mode = subscribe\", token: {in: \"query:hub.verify_token\", option: verify_token}, text: \"query:hub.challenge\"}]\n",
			options: map[string]string{"verify_token": "tok"},
			method:  "GET", query: "?hub.mode=subscribe&hub.verify_token=tok&hub.challenge=42", status: 200, want: "42"},
		"header to JSON": {
			file:   proof + "challenges: [{method: GET, open: true, json: {verification: \"header:X-Verification\"}}]\n",
			method: "GET", headers: []string{"X-Verification", "v\"x"}, status: 200, want: `{"verification":"v\"x"}`},
		"echo of a header": {
			file:   proof + "challenges: [{open: true, when: \"header:X-Ask\", status: 204, header: {X-Ask: \"{header:X-Ask}\"}}]\n",
			method: "POST", headers: []string{"X-Ask", "abc"}, status: 204, header: [2]string{"X-Ask", "abc"}},
		"HMAC of a field": {
			file:   proof + "challenges: [{when: \"/event = validate\", json: {plain: /token, sealed: \"{hmac:sha256:hex:/token}\"}}]\n",
			method: "POST", body: `{"event":"validate","token":"t"}`, headers: []string{"X-Sig", hexHMAC(`{"event":"validate","token":"t"}`)},
			status: 200, want: `{"plain":"t","sealed":"` + hexHMAC("t") + `"}`},
		"a value out of an array": {
			file:   proof + "challenges: [{open: true, when: \"header:X-Type = validation\", json: {validationResponse: /0/data/code}}]\n",
			method: "POST", headers: []string{"X-Type", "validation"}, body: `[{"data":{"code":"c"}}]`, status: 200, want: `{"validationResponse":"c"}`},
		"a fixed status": {
			file:   proof + "challenges: [{method: HEAD, open: true}]\n",
			method: "HEAD", status: 200},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := userProvider(t, "own", c.file, provider.Config{Options: c.options})
			r := post(c.body, c.headers...)
			r.Method, r.URL = c.method, r.URL+c.query
			verdict := accepted(t, v, r)
			if verdict.Answer == nil || len(verdict.Events) != 0 {
				t.Fatalf("%+v", verdict)
			}
			if a := verdict.Answer; a.Status != c.status || string(a.Body) != c.want || (c.header[0] != "" && a.Header.Get(c.header[0]) != c.header[1]) {
				t.Errorf("%d %q %v", a.Status, a.Body, a.Header)
			}
		})
	}
}

func TestHandshakesThatAreRefused(t *testing.T) {
	t.Parallel()
	v := userProvider(t, "own", `
options: [{name: verify_token, secret: true, description: d}]
verify: [{hmac: {header: X-Sig}}]
event: {prefix: com.own}
challenges:
  - {method: GET, open: true, token: {in: "query:token", option: verify_token}, text: "query:challenge"}
  - {when: "/event = validate", text: /token}
`, provider.Config{Options: map[string]string{"verify_token": "right"}})
	for query, want := range map[string]provider.Reason{
		"?token=wrong&challenge=1":              provider.Challenge,
		"?challenge=1":                          provider.Challenge,
		"?token=right":                          provider.Challenge,
		"?token=right&challenge=%0d%0aX-Evil:1": "",
	} {
		r := post("")
		r.Method, r.URL = http.MethodGet, r.URL+query
		if want == "" {
			accepted(t, v, r)
			continue
		}
		if got := reason(t, v, r); got.Reason != want {
			t.Errorf("%s: %v", query, got)
		}
	}
	if got := reason(t, v, post(`{"event":"validate","token":"t"}`)); got.Reason != provider.NoSignature {
		t.Errorf("a handshake that must be signed: %v", got)
	}
	r := post("")
	r.Method = http.MethodDelete
	if got := reason(t, v, r); got.Reason != provider.Challenge {
		t.Error(got)
	}
}

func TestAHandshakeWithoutItsTokenIsNotOffered(t *testing.T) {
	t.Parallel()
	v := userProvider(t, "own", `
options: [{name: verify_token, secret: true, description: d}]
verify: [{hmac: {header: X-Sig}}]
event: {prefix: com.own}
challenges: [{method: GET, open: true, token: {in: "query:token", option: verify_token}, text: "query:challenge"}]
`, provider.Config{})
	r := post("")
	r.Method, r.URL = http.MethodGet, r.URL+"?token=&challenge=1"
	if got := reason(t, v, r); got.Reason != provider.Challenge {
		t.Error(got)
	}
}

func TestAHeaderOfAnAnswerHoldsNoLineEnd(t *testing.T) {
	t.Parallel()
	v := userProvider(t, "own", `
verify: [{hmac: {header: X-Sig}}]
event: {prefix: com.own}
challenges: [{method: GET, open: true, header: {X-Echo: "{query:echo}"}}]
`, provider.Config{})
	r := post("")
	r.Method, r.URL = http.MethodGet, r.URL+"?echo=a%0d%0aX-Evil:1"
	if got := reason(t, v, r); got.Reason != provider.Challenge {
		t.Error(got)
	}
}

// Nobody signs Asana's handshake: it is answered while the operator says so, and at no other time.
func TestAnArmedHandshake(t *testing.T) {
	t.Parallel()
	ask := &provider.Request{Method: http.MethodPost, URL: "https://hooks.example.com/webhooks/shop", Header: http.Header{"X-Hook-Secret": {"b537207f20cbfa02357cf448134da559"}}, Received: noon}
	for handshake, answered := range map[string]bool{"": false, "closed": false, "armed": true} {
		cfg := provider.Config{Options: map[string]string{}}
		if handshake != "" {
			cfg.Options["handshake"] = handshake
		}
		verdict, err := compile(t, "asana", cfg).Verify(ask)
		if (err == nil) != answered || answered && verdict.Answer.Header.Get("X-Hook-Secret") != ask.Header.Get("X-Hook-Secret") {
			t.Errorf("%q: %+v, %v", handshake, verdict, err)
		}
	}
	signed := sample(t, "asana", `{"events":[]}`, nil) // a heartbeat
	if verdict := accepted(t, compile(t, "asana", provider.Config{}), signed); len(verdict.Events) != 0 || verdict.Invalid != "" {
		t.Errorf("a heartbeat: %+v", verdict)
	}
}
