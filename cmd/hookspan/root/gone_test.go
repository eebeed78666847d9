package root_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hookspan/hookspan/cmd/hookspan/cli"
)

// A stream whose files somebody removes is made again, or said at every door.
func TestAStreamThatIsGoneIsSaidAtEveryDoor(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	environ := []string{"HOOKSPAN_DATA_DIR=" + dir}
	remove := func(account, stream string) {
		t.Helper()
		if err := os.RemoveAll(filepath.Join(dir, "jetstream", account, "streams", stream)); err != nil {
			t.Fatal(err)
		}
	}
	first := launch(t, environ...)
	first.shows("/readyz", http.StatusOK, "ready")
	first.stop()

	r := launch(t, environ...)
	r.shows("/readyz", http.StatusOK, "ready")
	remove("EVENTS", "HOOKSPAN_EVENTS")
	r.shows("/readyz", http.StatusServiceUnavailable, "stream HOOKSPAN_EVENTS is missing")
	r.shows("/readyz", http.StatusOK, "ready")
	r.takes("after")

	const missing = "stream HOOKSPAN_STATE is missing"
	remove("HOOKSPAN", "HOOKSPAN_STATE")
	r.shows("/readyz", http.StatusServiceUnavailable, missing)
	r.shows("/metrics", http.StatusOK, `hookspan_bus_up{bus="embedded"} 0`)
	doctor := func() {
		t.Helper()
		out, errs, code := hookspan(t, environ, "doctor")
		if code != cli.ExitFailed || !strings.Contains(out, missing) {
			t.Errorf("doctor ends with %d and does not say that %s:\n%s%s", code, missing, out, errs)
		}
	}
	doctor()
	r.stop()
	doctor()
	if err := <-launch(t, environ...).done; err == nil || !strings.Contains(err.Error(), missing) {
		t.Errorf("the next start ends with %v, want that %s", err, missing)
	}
}
