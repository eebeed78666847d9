//go:build brokers

package kafka_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// A secured is a real broker with TLS and logins, and what is needed to be let in.
type secured struct {
	dir              string
	password         string
	ca, other        *authority
	client, stranger tls.Certificate
	key              *rsa.PrivateKey // signs tokens
	asked            atomic.Int64    // for the first of some tokens
}

// newSecured starts one, which is gone when the test ends.
func newSecured(t *testing.T) *secured {
	t.Helper()
	script, err := filepath.Abs("../../.ci/kafka")
	must(t, err)
	b := &secured{dir: filepath.Join(t.TempDir(), "brokers"), ca: newAuthority(t, "ours"), other: newAuthority(t, "another's")}
	b.client, b.stranger = b.ca.issue(t, "hookspan"), b.other.issue(t, "hookspan")
	b.key, err = rsa.GenerateKey(rand.Reader, 2048)
	must(t, err)
	material := t.TempDir()
	write := func(name string, data []byte) {
		must(t, os.WriteFile(filepath.Join(material, name), data, 0o600))
	}
	write("ca.pem", b.ca.pem())
	write("server.pem", pemOf(t, b.ca.issue(t, "localhost")))
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

// An authority issues certificates.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T, name string) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	must(t, err)
	cert, err := x509.ParseCertificate(der)
	must(t, err)
	return &authority{cert, key}
}

func (a *authority) issue(t *testing.T, name string) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, key.Public(), a.key)
	must(t, err)
	return tls.Certificate{Certificate: [][]byte{der, a.cert.Raw}, PrivateKey: key}
}

func (a *authority) pem() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.cert.Raw})
}

// pemOf is a key and its certificates, as Kafka reads them.
func pemOf(t *testing.T, c tls.Certificate) []byte {
	t.Helper()
	key, err := x509.MarshalPKCS8PrivateKey(c.PrivateKey)
	must(t, err)
	var all bytes.Buffer
	must(t, pem.Encode(&all, &pem.Block{Type: "PRIVATE KEY", Bytes: key}))
	for _, der := range c.Certificate {
		must(t, pem.Encode(&all, &pem.Block{Type: "CERTIFICATE", Bytes: der}))
	}
	return all.Bytes()
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
