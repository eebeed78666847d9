package root_test

import (
	"bytes"
	"encoding/base64"
	"strings"
	"testing"

	"github.com/hookspan/hookspan/bridge/endpoint"
	"github.com/hookspan/hookspan/cmd/hookspan/cli"
	"github.com/hookspan/hookspan/cmd/hookspan/server"
)

// A start with a new key in front seals all anew, so that the next one does without the old key.
func TestSealKeyIsRotatedByAStart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	key := func(b byte) string {
		return base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{b}, endpoint.KeyBytes))
	}
	start := func(keys ...string) ([]string, func()) {
		t.Helper()
		_, admin, stop, err := server.Start(t.Context(), []string{
			"HOOKSPAN_DATA_DIR=" + dir, "HOOKSPAN_LISTEN=127.0.0.1:0", "HOOKSPAN_ADMIN_LISTEN=127.0.0.1:0", "HOOKSPAN_ADMIN_TOKEN=t0ken",
			"HOOKSPAN_EMBEDDED_MAX_STORE=64MB", "HOOKSPAN_EGRESS_ALLOW=127.0.0.0/8", "HOOKSPAN_SEAL_KEY=" + strings.Join(keys, " "),
		})
		if err != nil {
			t.Fatalf("start with %d keys: %v", len(keys), err)
		}
		return []string{"HOOKSPAN_SERVER=" + admin, "HOOKSPAN_ADMIN_TOKEN=t0ken"}, stop
	}
	admins, stop := start(key(1))
	if _, errs, code := hookspan(t, admins, "endpoints", "create", "crm", "--url", "http://127.0.0.1:1/"); code != cli.ExitDone {
		t.Error(errs)
	}
	out, errs, code := hookspan(t, admins, "endpoints", "rotate", "crm", "--overlap", "48h")
	if code != cli.ExitDone || !strings.Contains(out, "secret, shown this once: whsec_") || !strings.Contains(out, "the old secret signs too until ") {
		t.Errorf("rotate the signing secret: code %d: %s%s", code, out, errs)
	}
	if _, errs, code := hookspan(t, admins, "endpoints", "rotate", "crm", "--overlap", "999h"); code != cli.ExitFailed || !strings.Contains(errs, "overlap: want a duration of at most 720h") {
		t.Errorf("an overlap that is too long: code %d: %s", code, errs)
	}
	stop()
	examined, errs, _ := hookspan(t, []string{"HOOKSPAN_DATA_DIR=" + dir, "HOOKSPAN_EMBEDDED_MAX_STORE=64MB", "HOOKSPAN_SEAL_KEY=" + key(2) + " " + key(1)}, "doctor")
	if !strings.Contains(examined, "registry: 1 endpoints, of which 1 are sealed with an older key. Remedy: hookspan keys rotate") {
		t.Errorf("doctor: %s%s", examined, errs)
	}
	_, stop = start(key(2), key(1))
	stop()
	admins, stop = start(key(2))
	defer stop()
	if out, errs, code := hookspan(t, admins, "endpoints", "get", "crm"); code != cli.ExitDone || !strings.Contains(out, `"state": "enabled"`) || !strings.Contains(out, `"overlap_until": "`) {
		t.Errorf("code %d: %s%s", code, out, errs)
	}
}
