package provider_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/hookspan/hookspan/bridge/provider"
)

// compact is a token under HS256, whatever its head says.
func compact(head, claims, secret string) string {
	encode := base64.RawURLEncoding.EncodeToString
	text := encode([]byte(head)) + "." + encode([]byte(claims))
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(text))
	return text + "." + encode(mac.Sum(nil))
}

func TestTokensThatAreNotTaken(t *testing.T) {
	t.Parallel()
	const secret, body = "an invented shared secret", `{"id":"7"}`
	v := userProvider(t, "own", `
title: Own
verify: [{jws: {header: X-Token, claims: {iss: own}}}]
event: {prefix: com.own, type: thing}
`, provider.Config{Secrets: []string{secret}})
	const head, claims = `{"alg":"HS256"}`, `{"iss":"own"}`
	signed := compact(head, claims, secret)
	for name, c := range map[string]struct {
		token string
		want  provider.Reason
	}{
		"none at all":            {"", provider.NoSignature},
		"no token":               {"moon", provider.BadSignature},
		"two parts":              {"a.b", provider.BadSignature},
		"no algorithm":           {compact(`{"alg":"none"}`, claims, secret), provider.BadSignature},
		"no signature":           {signed[:len(signed)-43], provider.BadSignature},
		"another algorithm":      {compact(`{"alg":"RS256"}`, claims, secret), provider.BadSignature},
		"an extension":           {compact(`{"alg":"HS256","crit":["b64"],"b64":false}`, claims, secret), provider.BadSignature},
		"an extension of none":   {compact(`{"alg":"HS256","crit":null}`, claims, secret), provider.BadSignature},
		"another secret":         {compact(head, claims, "another secret"), provider.BadSignature},
		"an empty secret":        {compact(head, claims, ""), provider.BadSignature},
		"another issuer":         {compact(head, `{"iss":"other"}`, secret), provider.BadSignature},
		"no issuer":              {compact(head, `{"sub":"own"}`, secret), provider.BadSignature},
		"an issuer of a number":  {compact(head, `{"iss":7}`, secret), provider.BadSignature},
		"claims that are a list": {compact(head, `["own"]`, secret), provider.BadSignature},
		"ended":                  {compact(head, `{"iss":"own","exp":1772366000}`, secret), provider.Stale},
		"not yet":                {compact(head, `{"iss":"own","nbf":1972366400}`, secret), provider.Future},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := v.Verify(tokenRequest(c.token, body))
			var refusal *provider.Refusal
			if !errors.As(err, &refusal) || refusal.Reason != c.want {
				t.Errorf("%v", err)
			}
		})
	}
	for name, token := range map[string]string{
		"plain": signed, "in a list": compact(head, `{"iss":["other","own"]}`, secret), "in time": compact(head, `{"iss":"own","nbf":1772366399,"exp":1772366401}`, secret),
	} {
		if _, err := v.Verify(tokenRequest(token, body)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// noRoom has no memory for anything.
type noRoom struct{}

func (noRoom) Take(int64) error { return errors.New("there is none") }

// The claims of a genuine token are parsed where there is memory for what they become.
func TestLongClaimsCostMemory(t *testing.T) {
	t.Parallel()
	const secret = "an invented shared secret"
	v := userProvider(t, "own", `
title: Own
verify: [{jws: {header: X-Token, claims: {iss: own}}}]
event: {prefix: com.own, type: thing}
`, provider.Config{Secrets: []string{secret}})
	for many, want := range map[int]provider.Reason{10: "", 3000: provider.TooLarge} {
		r := tokenRequest(compact(`{"alg":"HS256"}`, `{"iss":"own","l":[`+strings.Repeat("1,", many)+`1]}`, secret), `{"id":"7"}`)
		r.Memory = noRoom{}
		_, err := v.Verify(r)
		refusal, _ := errors.AsType[*provider.Refusal](err)
		if (refusal == nil) != (want == "") || refusal != nil && refusal.Reason != want {
			t.Errorf("%d members: %v", many, err)
		}
	}
}

func tokenRequest(token, body string) *provider.Request {
	r := &provider.Request{Method: http.MethodPost, URL: "https://hooks.example.com/webhooks/own", Header: http.Header{}, Body: []byte(body), Received: time.Unix(1772366400, 0)}
	if token != "" {
		r.Header.Set("X-Token", token)
	}
	return r
}

func TestATokenCoversWhatItsClaimsSay(t *testing.T) {
	t.Parallel()
	p, _ := catalog(t).Provider("messagebird")
	const secret = "an invented shared secret"
	const url = "https://hooks.example.com/webhooks/shop"
	now := time.Unix(1772366400, 0)
	s, err := p.Sample(provider.SampleRequest{Secret: secret, URL: url, Now: now})
	if err != nil {
		t.Fatal(err)
	}
	v, err := p.Compile(provider.Config{Source: "shop", Secrets: []string{secret}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := v.Verify(request(s, now)); err != nil {
		t.Error(err)
	}
	for name, alter := range map[string]func(*provider.Request){
		"another body":      func(r *provider.Request) { r.Body = append(r.Body, ' ') },
		"no body":           func(r *provider.Request) { r.Body = nil },
		"another URL":       func(r *provider.Request) { r.URL += "?a=b" },
		"ten minutes later": func(r *provider.Request) { r.Received = r.Received.Add(10 * time.Minute) },
	} {
		r := request(s, now)
		alter(r)
		if _, err := v.Verify(r); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}
