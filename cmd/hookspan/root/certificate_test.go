package root_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/hookspan/hookspan/cmd/hookspan/cli"
	"github.com/hookspan/hookspan/cmd/hookspan/server"
	"github.com/hookspan/hookspan/sinks/certtest"
)

// certificate writes one that names another host than this one, and its key.
func certificate(t *testing.T) (cert, key string) {
	t.Helper()
	dir := t.TempDir()
	cert, key = filepath.Join(dir, "tls.crt"), filepath.Join(dir, "tls.key")
	certtest.Write(t, certtest.New(t).Issue(t, "hookspan-admin.events.svc"), cert, key)
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
