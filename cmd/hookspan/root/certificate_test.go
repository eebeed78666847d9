package root_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hookspan/hookspan/cmd/hookspan/cli"
	"github.com/hookspan/hookspan/cmd/hookspan/server"
)

// certificate writes one that names another host than this one, and its key.
func certificate(t *testing.T) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	self := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "hookspan-admin"}, DNSNames: []string{"hookspan-admin.events.svc"}, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, self, self, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	cert, key = filepath.Join(dir, "tls.crt"), filepath.Join(dir, "tls.key")
	for path, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "PRIVATE KEY", Bytes: secret}} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return cert, key
}

// A command beside its server, as in a pod, knows it by its certificate; another one is refused, and
// the token is not sent.
func TestACommandKnowsTheServerBesideItByItsCertificate(t *testing.T) {
	t.Parallel()
	cert, key := certificate(t)
	_, admin, stop, err := server.Start(t.Context(), []string{
		"HOOKSPAN_DATA_DIR=" + t.TempDir(), "HOOKSPAN_LISTEN=127.0.0.1:0", "HOOKSPAN_ADMIN_LISTEN=127.0.0.1:0", "HOOKSPAN_EMBEDDED_MAX_STORE=64MB",
		"HOOKSPAN_ADMIN_TOKEN=" + testToken, "HOOKSPAN_ADMIN_TLS_CERT=" + cert, "HOOKSPAN_ADMIN_TLS_KEY_FILE=" + key,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	environ := []string{"HOOKSPAN_SERVER=" + strings.Replace(admin, "http://", "https://", 1), "HOOKSPAN_ADMIN_TOKEN=" + testToken}
	if out, errs, code := hookspan(t, append(environ, "HOOKSPAN_ADMIN_TLS_CERT="+cert), "endpoints", "list"); code != cli.ExitDone {
		t.Errorf("code %d: %s%s", code, out, errs)
	}
	other, _ := certificate(t)
	for name, c := range map[string]struct{ variable, says string }{
		"another certificate": {"HOOKSPAN_ADMIN_TLS_CERT=" + other, "another certificate than HOOKSPAN_ADMIN_TLS_CERT names"},
		"no such file":        {"HOOKSPAN_ADMIN_TLS_CERT=/nowhere", "no such file"},
		"none":                {"HOOKSPAN_ADMIN_TLS_CERT=", "certificate"},
	} {
		if out, errs, code := hookspan(t, append(environ, c.variable), "endpoints", "list"); code != cli.ExitFailed || !strings.Contains(errs, c.says) {
			t.Errorf("%s: code %d: %s%s", name, code, out, errs)
		}
	}
}
