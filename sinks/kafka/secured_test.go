//go:build brokers

package kafka_test

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hookspan/hookspan/sinks/certtest"
)

// A secured is a real broker with TLS and logins, and what is needed to be let in.
type secured struct {
	dir              string
	password         string
	ca, other        *certtest.Authority
	client, stranger tls.Certificate
	key              *rsa.PrivateKey // signs tokens
	asked            atomic.Int64    // for the first of some tokens
}

// newSecured starts one, which is gone when the test ends.
func newSecured(t *testing.T) *secured {
	t.Helper()
	script, err := filepath.Abs("../../.ci/kafka")
	must(t, err)
	b := &secured{dir: filepath.Join(t.TempDir(), "brokers"), ca: certtest.New(t), other: certtest.New(t)}
	b.client, b.stranger = b.ca.Issue(t, "hookspan"), b.other.Issue(t, "hookspan")
	b.key, err = rsa.GenerateKey(rand.Reader, 2048)
	must(t, err)
	material := t.TempDir()
	write := func(name string, data []byte) {
		must(t, os.WriteFile(filepath.Join(material, name), data, 0o600))
	}
	write("ca.pem", b.ca.PEM())
	cert, key := certtest.PEM(t, b.ca.Issue(t, "localhost", "127.0.0.1"))
	write("server.pem", slices.Concat(key, cert, b.ca.PEM()))
	write("jwks.json", b.jwks(t))
	start := exec.Command(script, "start", b.dir, "1")
	start.Env = append(os.Environ(), "KAFKA_SECURE="+material)
	t.Cleanup(func() {
		if out, err := exec.Command(script, "stop", b.dir).CombinedOutput(); err != nil {
			t.Errorf("stop the broker: %v\n%s", err, out)
		}
	})
	if out, err := start.Output(); err != nil {
		t.Fatalf("start a broker: %v\n%s", err, out)
	}
	b.password = b.file(t, "password")
	return b
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (b *secured) file(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(b.dir, name))
	must(t, err)
	return strings.TrimSpace(string(text))
}

// brokers are the addresses of one of its listeners.
func (b *secured) brokers(t *testing.T, listener string) []string {
	return strings.Split(b.file(t, listener), ",")
}

// tokens serves tokens (RFC 6749, 4.4).
func (b *secured) tokens(t *testing.T) *httptest.Server {
	server := httptest.NewServer(http.HandlerFunc(b.tokenFor))
	t.Cleanup(server.Close)
	return server
}

func (b *secured) jwks(t *testing.T) []byte {
	t.Helper()
	number := func(n *big.Int) string { return base64.RawURLEncoding.EncodeToString(n.Bytes()) }
	text, err := json.Marshal(map[string]any{"keys": []map[string]string{{
		"kty": "RSA", "use": "sig", "alg": "RS256", "kid": "one",
		"n": number(b.key.N), "e": number(big.NewInt(int64(b.key.E))),
	}}})
	must(t, err)
	return text
}

// grant answers with a token that is signed (RFC 7515, RS256).
func (b *secured) grant(w http.ResponseWriter, audience string, life time.Duration) {
	now := time.Now()
	part := func(v any) string {
		text, _ := json.Marshal(v) // maps of strings and numbers
		return base64.RawURLEncoding.EncodeToString(text)
	}
	signed := part(map[string]any{"alg": "RS256", "typ": "JWT", "kid": "one"}) + "." + part(map[string]any{
		"iss": "tests", "sub": "hookspan", "aud": audience, "scope": "kafka",
		"iat": now.Add(-2 * time.Hour).Unix(), "exp": now.Add(life).Unix(),
	})
	sum := sha256.Sum256([]byte(signed))
	signature, err := rsa.SignPKCS1v15(rand.Reader, b.key, crypto.SHA256, sum[:])
	if err != nil {
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	_, _ = fmt.Fprintf(w, `{"access_token":%q,"token_type":"Bearer","expires_in":3600}`, signed+"."+base64.RawURLEncoding.EncodeToString(signature))
}
