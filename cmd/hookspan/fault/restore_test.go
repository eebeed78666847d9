//go:build disks || fleets

package fault_test

import (
	"encoding/base64"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hookspan/hookspan/cmd/hookspan/fault"
)

// A folder is lost under load and comes back from a backup that was made under load: all that had been
// acknowledged before the backup began arrives, and so does what is acknowledged after the restore.
// Only what came in between may be missing, and only what was delivered from then on comes again.
func TestFaultRestore(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	w := newWorld(t, filepath.Join(dir, "old"), func(url string) []string {
		key := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("k", 32)))
		return append(fault.ImpatientEnviron("steady", url+"/steady"), "HOOKSPAN_ENDPOINTS=steady", "HOOKSPAN_SEAL_KEY="+key)
	})
	w.oracle.AllowTwice() // a delivery has another name after the restore
	w.oracle.Owe("steady", time.Time{})
	old := w.ready()
	w.register("made", "structured", "now") // kept on the bus alone
	w.register("away", "binary", "now")
	w.receiver.Set(map[string]fault.Mood{"steady": {Fail: 0.05}, "made": {Fail: 0.2}, "away": {Fail: 1}})
	stop := w.drive(8)
	fault.Pause(w.Context(), 2*time.Second)

	before := w.oracle.Arrivals()
	fault.Pause(w.Context(), time.Second) // what had arrived by then is in the journal
	began, file := time.Now(), filepath.Join(dir, "backup")
	_, err := w.site.Command(w.within(time.Minute), "backup", file)
	w.must(err)
	fault.Pause(w.Context(), 500*time.Millisecond)
	old.Kill()
	again := w.oracle.Arrivals() - before

	w.site.Folder = filepath.Join(dir, "new")
	said, err := w.site.Command(w.within(time.Minute), "restore", file)
	w.must(err)
	w.oracle.Excuse(began, time.Now())
	after := w.driver.FirstAfter(time.Now())
	w.ready()
	select {
	case <-after:
	case <-time.After(30 * time.Second):
		t.Fatal("no 2xx within 30 s of the restore")
	}
	fault.Pause(w.Context(), time.Second)
	stop()
	v := w.settle()
	if v.Twice > again {
		t.Errorf("%d events arrived again, of %d deliveries that the backup did not know of", v.Twice, again)
	}
	if !strings.Contains(said, "3 endpoint(s)") {
		t.Errorf("restore says: %s", said)
	}
	w.figures("restore", map[string]any{"result": v, "arrivals_meanwhile": again})
}
