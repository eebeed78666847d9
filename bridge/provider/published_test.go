package provider_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hookspan/hookspan/bridge/provider"
	"github.com/hookspan/hookspan/bridge/scheme/published"
)

// hosts answer what a test lays there.
type hosts struct {
	mu    sync.Mutex
	texts map[string]string
	fresh time.Duration
	asked []string
	hangs bool // they take what they are asked and say nothing
}

func (h *hosts) hang() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.hangs = true
}

// pass lets the time of a bubble go on.
func pass(d time.Duration) { <-time.After(d) }

func (h *hosts) Fetch(ctx context.Context, url string, _ int64) ([]byte, time.Duration, error) {
	h.mu.Lock()
	h.asked = append(h.asked, url)
	text, there := h.texts[url]
	hangs := h.hangs
	h.mu.Unlock()
	if hangs {
		<-ctx.Done()
		return nil, 0, ctx.Err()
	}
	if !there {
		return nil, 0, errors.New("its host answered 404")
	}
	return []byte(text), h.fresh, nil
}

func (h *hosts) lay(url, text string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.texts[url] = text
}

func (h *hosts) times() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.asked)
}

var rsaKeys = sync.OnceValue(func() (keys [2]*rsa.PrivateKey) {
	for i := range keys {
		var err error
		if keys[i], err = rsa.GenerateKey(rand.Reader, 2048); err != nil {
			panic(err)
		}
	}
	return keys
})

// keySet is a JWK set of RSA keys by their ids.
func keySet(keys map[string]*rsa.PrivateKey) string {
	var set struct {
		Keys []map[string]string `json:"keys"`
	}
	set.Keys = append(set.Keys, map[string]string{"kty": "oct", "kid": "shared", "k": "c2VjcmV0"}, map[string]string{"kty": "RSA", "use": "enc", "kid": "other", "n": "AQAB", "e": "AQAB"})
	for id, k := range keys {
		set.Keys = append(set.Keys, map[string]string{
			"kty": "RSA", "use": "sig", "kid": id, "alg": "RS256",
			"n": base64.RawURLEncoding.EncodeToString(k.N.Bytes()), "e": base64.RawURLEncoding.EncodeToString(big.NewInt(int64(k.E)).Bytes()),
		})
	}
	text, err := json.Marshal(set)
	if err != nil {
		panic(err)
	}
	return string(text)
}

func rs256(t testing.TB, key *rsa.PrivateKey, id, claims string) string {
	t.Helper()
	encode := base64.RawURLEncoding.EncodeToString
	text := encode(fmt.Appendf(nil, `{"alg":"RS256","kid":%q}`, id)) + "." + encode([]byte(claims))
	sum := sha256.Sum256([]byte(text))
	signature, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	return text + "." + encode(signature)
}

const (
	googleKeys = "https://www.googleapis.com/oauth2/v3/certs"
	pushClaims = `{"aud":"https://hooks.example.com/webhooks/orders","email":"push@project.iam.gserviceaccount.com"}`
)

func pushed(token string) *provider.Request {
	return &provider.Request{
		Method: http.MethodPost, URL: "https://hooks.example.com/webhooks/shop", Header: http.Header{"Authorization": {"Bearer " + token}}, Received: time.Now(),
		Body: []byte(`{"message":{"data":"e30=","messageId":"7"},"subscription":"projects/p/subscriptions/s"}`),
	}
}

func publishing(t testing.TB, name string, h *hosts, roots *x509.CertPool) *provider.Verifier {
	t.Helper()
	p, _ := catalog(t).Provider(name)
	v, err := p.Compile(provider.Config{Source: "shop", Options: optionsOf(name), Senders: published.New(h, roots)})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func says(t testing.TB, v *provider.Verifier, r *provider.Request) provider.Reason {
	t.Helper()
	_, err := v.Verify(r)
	var refusal *provider.Refusal
	if errors.As(err, &refusal) {
		return refusal.Reason
	}
	return ""
}

func TestPublishedKeys(t *testing.T) {
	t.Parallel()
	keys := rsaKeys()
	catalog(t) // outside of the bubble
	synctest.Test(t, func(t *testing.T) {
		h := &hosts{texts: map[string]string{}, fresh: 6 * time.Hour}
		v := publishing(t, "google-pubsub", h, nil)
		first, second := rs256(t, keys[0], "one", pushClaims), rs256(t, keys[1], "two", pushClaims)
		expect := func(what, token string, want provider.Reason, asked int) {
			t.Helper()
			got := says(t, v, pushed(token))
			synctest.Wait() // what is known is made new beside
			if got != want || h.times() != asked {
				t.Errorf("%s: %q, want %q; asked %d times, want %d", what, got, want, h.times(), asked)
			}
		}
		expect("a host that is away", first, provider.Unreachable, 1)
		expect("at once again", first, provider.Unreachable, 1)
		h.lay(googleKeys, keySet(map[string]*rsa.PrivateKey{"one": keys[0]}))
		pass(5 * time.Second)
		expect("the host is back", first, "", 2)
		expect("what is known", first, "", 2)
		expect("an unknown key, just asked", second, provider.UnknownKey, 2)
		pass(time.Minute)
		expect("an unknown key", second, provider.UnknownKey, 3)
		h.lay(googleKeys, keySet(map[string]*rsa.PrivateKey{"one": keys[0], "two": keys[1]}))
		pass(time.Minute)
		expect("a new key", second, "", 4)
		expect("another's signature under a known id", rs256(t, keys[1], "one", pushClaims), provider.BadSignature, 4)
		expect("another audience", rs256(t, keys[0], "one", strings.Replace(pushClaims, "orders", "other", 1)), provider.BadSignature, 4)
		expect("another account", rs256(t, keys[0], "one", strings.Replace(pushClaims, "push@", "pull@", 1)), provider.BadSignature, 4)
		expect("the public key as a shared secret", compact(`{"alg":"HS256","kid":"one"}`, pushClaims, keySet(map[string]*rsa.PrivateKey{"one": keys[0]})), provider.BadSignature, 4)

		h.lay(googleKeys, "<html>moved</html>")
		pass(7 * time.Hour)
		expect("nonsense beside what was there", second, "", 5)
		pass(25 * time.Hour)
		expect("nonsense for a day", second, provider.Unreachable, 6)
		h.lay(googleKeys, keySet(map[string]*rsa.PrivateKey{"two": keys[1]}))
		pass(5 * time.Second)
		expect("a key that was taken back", first, provider.UnknownKey, 7)
	})
}

func TestAFloodOfUnknownKeysAsksSeldom(t *testing.T) {
	t.Parallel()
	keys := rsaKeys()
	catalog(t)
	synctest.Test(t, func(t *testing.T) {
		text, _ := certificateOf(t, keys[1], "sns.amazonaws.com", time.Now().Add(-time.Hour), time.Now().Add(48*time.Hour))
		h := &hosts{texts: map[string]string{snsCertificate: text}, fresh: 24 * time.Hour}
		v := publishing(t, "aws-sns", h, nil)
		if got := says(t, v, notification(t, keys[1], snsCertificate)); got != "" {
			t.Fatal(got)
		}
		for i := range 1000 {
			r := notification(t, keys[0], fmt.Sprintf("https://sns.eu-west-1.amazonaws.com/%d.pem", i))
			if got := says(t, v, r); got != provider.Unreachable {
				t.Fatalf("%d: %q", i, got)
			}
		}
		if n := h.times(); n > 10 {
			t.Errorf("asked %d times at once", n)
		}
		for i := range 60 { // as many as are known at once, and more
			pass(time.Minute)
			says(t, v, notification(t, keys[0], fmt.Sprintf("https://sns.eu-west-1.amazonaws.com/slow-%d.pem", i)))
		}
		before := h.times()
		if got := says(t, v, notification(t, keys[1], snsCertificate)); got != "" || h.times() != before {
			t.Errorf("what is known was forgotten: %q, asked %d times more", got, h.times()-before)
		}
		says(t, v, notification(t, keys[0], "https://sns.eu-west-1.amazonaws.com/late.pem"))
		if n := h.times(); h.asked[n-1] != "https://sns.eu-west-1.amazonaws.com/late.pem" {
			t.Errorf("asked %q last", h.asked[n-1])
		}
	})
}

// notification is one of SNS whose certificate is said to lie at a URL.
func notification(t testing.TB, key *rsa.PrivateKey, at string) *provider.Request {
	t.Helper()
	return snsMessage(t, key, map[string]string{
		"Type": "Notification", "MessageId": "m-1", "Message": "paid", "Timestamp": "2026-03-01T12:00:00.000Z",
		"SigningCertURL": at, "UnsubscribeURL": "https://sns.eu-west-1.amazonaws.com/?Action=Unsubscribe",
	}, "Message", "MessageId", "Timestamp", "TopicArn", "Type")
}

func snsMessage(t testing.TB, key *rsa.PrivateKey, message map[string]string, signed ...string) *provider.Request {
	t.Helper()
	message["TopicArn"] = optionsOf("aws-sns")["topic_arn"]
	var text strings.Builder
	for _, name := range signed {
		fmt.Fprintf(&text, "%s\n%s\n", name, message[name])
	}
	sum := sha256.Sum256([]byte(text.String()))
	signature, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	message["SignatureVersion"], message["Signature"] = "2", base64.StdEncoding.EncodeToString(signature)
	body, err := json.Marshal(message)
	if err != nil {
		t.Fatal(err)
	}
	return &provider.Request{Method: http.MethodPost, URL: "https://hooks.example.com/webhooks/shop", Header: http.Header{"Content-Type": {"text/plain; charset=UTF-8"}}, Body: body, Received: time.Now()}
}

func TestATokenOfAnEllipticCurve(t *testing.T) {
	t.Parallel()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	encode := base64.RawURLEncoding.EncodeToString
	point, err := key.PublicKey.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	set := fmt.Sprintf(`{"keys":[{"kty":"EC","crv":"P-256","kid":"a","x":%q,"y":%q}]}`, encode(point[1:33]), encode(point[33:]))
	text := encode([]byte(`{"alg":"ES256","kid":"a"}`)) + "." + encode([]byte(`{"iss":"own"}`))
	sum := sha256.Sum256([]byte(text))
	r, s, err := ecdsa.Sign(rand.Reader, key, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	raw := make([]byte, 64)
	r.FillBytes(raw[:32])
	s.FillBytes(raw[32:])
	v := userProvider(t, "own", `
title: Own
verify: [{jws: {header: X-Token, algorithm: ES256, claims: {iss: own}, published: {url: "https://keys.example/jwks"}}}]
event: {prefix: com.own, type: thing}
`, provider.Config{Secrets: []string{}, Senders: published.New(&hosts{texts: map[string]string{"https://keys.example/jwks": set}}, nil)})
	if got := says(t, v, tokenRequest(text+"."+encode(raw), "{}")); got != "" {
		t.Errorf("refused: %q", got)
	}
	if got := says(t, v, tokenRequest(text+"."+encode(raw[:63]), "{}")); got != provider.BadSignature {
		t.Errorf("a byte less: %q", got)
	}
	raw[10] ^= 1
	if got := says(t, v, tokenRequest(text+"."+encode(raw), "{}")); got != provider.BadSignature {
		t.Errorf("another signature: %q", got)
	}
}

func TestDeclarationsOfPublishedKeys(t *testing.T) {
	t.Parallel()
	for published, want := range map[string]string{
		`{url: "http://keys.example/jwks"}`:                                         "https",
		`{url: "header:X-Cert"}`:                                                    "hosts",
		`{url: "header:X-Cert", hosts: keys.example}`:                               "path",
		`{url: "header:X-Cert", hosts: keys.example, path: "[", form: certificate}`: "path.Match",
		`{url: "https://keys.example/jwks", form: pem}`:                             "form",
		`{url: "https://keys.example/jwks", chain: true}`:                           "certificate",
		`{url: "https://keys.example/jwks", id: "{"}`:                               "id",
		`{url: "https://keys.example/jwks", names: [a.example]}`:                    "certificate",
		`{address: "https://keys.example/jwks"}`:                                    "address",
	} {
		_, err := userFiles(t, map[string]string{"own.yaml": "name: own\ntitle: Own\nverify: [{rsa: {header: X-Sig, published: " + published + "}}]\nevent: {prefix: com.own}\n"})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", published, err)
		}
	}
	_, err := userFiles(t, map[string]string{"own.yaml": "name: own\ntitle: Own\nverify: [{hmac: {header: X-Sig}}]\nchallenges: [{open: true, visit: {url: \"https://a.example/\"}}]\nevent: {prefix: com.own}\n"})
	if err == nil || !strings.Contains(err.Error(), "visit") {
		t.Errorf("an open visit: %v", err)
	}
}

// Keys that are known and count are not waited for, and outlive the verifiers of a source.
func TestKnownKeysAreNotWaitedFor(t *testing.T) {
	t.Parallel()
	keys := rsaKeys()
	catalog(t)
	synctest.Test(t, func(t *testing.T) {
		h := &hosts{texts: map[string]string{googleKeys: keySet(map[string]*rsa.PrivateKey{"one": keys[0]})}}
		senders := published.New(h, nil)
		p, _ := catalog(t).Provider("google-pubsub")
		anew := func() *provider.Verifier { // as a reload does
			v, err := p.Compile(provider.Config{Source: "shop", Options: optionsOf("google-pubsub"), Senders: senders})
			if err != nil {
				t.Fatal(err)
			}
			return v
		}
		token := rs256(t, keys[0], "one", pushClaims)
		if got := says(t, anew(), pushed(token)); got != "" {
			t.Fatal(got)
		}
		h.hang()
		pass(2 * time.Hour)
		for range 10 { // the host is given up after five: some ask at that moment
			began := time.Now()
			var all sync.WaitGroup
			for range 20 {
				v := anew()
				all.Go(func() {
					if got := says(t, v, pushed(token)); got != "" || time.Since(began) > 0 {
						t.Errorf("%q after %s", got, time.Since(began))
					}
				})
			}
			all.Wait()
			pass(time.Second)
		}
		if n := h.times(); n != 2 {
			t.Errorf("asked %d times, want 2", n)
		}
		pass(time.Minute) // what still runs ends
	})
}

// A user's own token is under the same keys as deliveries, and is none.
func TestATokenThatIsNoDelivery(t *testing.T) {
	t.Parallel()
	key := rsaKeys()[0]
	at := "https://" + optionsOf("kinde")["domain"] + "/.well-known/jwks"
	v := publishing(t, "kinde", &hosts{texts: map[string]string{at: keySet(map[string]*rsa.PrivateKey{"one": key})}}, nil)
	for claims, want := range map[string]provider.Reason{
		`{"event_id":"e","type":"user.created","data":{}}`: "",
		`{"sub":"kp_1","scp":["openid"]}`:                  provider.BadSignature,
		`{"event_id":"e"}`:                                 provider.BadSignature,
		`{"event_id":null,"type":"user.created"}`:          provider.BadSignature,
	} {
		r := &provider.Request{Method: http.MethodPost, URL: "https://hooks.example.com/webhooks/shop", Header: http.Header{"Content-Type": {"application/jwt"}}, Body: []byte(rs256(t, key, "one", claims)), Received: time.Now()}
		if got := says(t, v, r); got != want {
			t.Errorf("%s: %q, want %q", claims, got, want)
		}
	}
}

// A secret that another step needs is needed, whatever the sender publishes.
func TestNoStepVanishesForWantOfASecret(t *testing.T) {
	t.Parallel()
	c, err := userFiles(t, map[string]string{"own.yaml": "name: own\ntitle: Own\nverify: [{hmac: {header: X-Sig}}, {jws: {header: X-Token, algorithm: RS256, claims: {iss: own}, published: {url: \"https://keys.example/jwks\"}}}]\nevent: {prefix: com.own}\n"})
	if err != nil {
		t.Fatal(err)
	}
	p, _ := c.Provider("own")
	if _, err := p.Compile(provider.Config{Source: "shop"}); err == nil || !strings.Contains(err.Error(), "verify[0]: secrets") {
		t.Errorf("%v", err)
	}
}
