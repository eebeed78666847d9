//go:build fleets && unix

package fault_test

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/hookspan/hookspan/cmd/hookspan/fault"
)

// A bus that replicas share is lost under load, and they go on on a bus of another kind with what a
// backup has of it, which was made beside them: all that had been acknowledged before the backup
// began arrives, and so does what is acknowledged after the restore. Only what came in between may be
// missing, and only what was delivered from then on comes again.

func TestFaultRestoreNATSOntoKafka(t *testing.T) { restoreElsewhere(t, onNATS(), onKafka()) }

func TestFaultRestoreKafkaOntoNATS(t *testing.T) { restoreElsewhere(t, onKafka(), onNATS()) }

func restoreElsewhere(t *testing.T, from, to kind) {
	f := newFleet(t, from, size{servers: 1, replicas: 2}, func(receiver string) []string {
		return append(fault.ImpatientEnviron("steady", receiver+"/steady"), "HOOKSPAN_ENDPOINTS=steady")
	})
	f.oracle.AllowTwice() // a delivery has another name after the restore
	f.oracle.Owe("steady", time.Time{})
	f.serve()
	f.register("made", "structured", "now") // kept on the bus alone
	f.register("away", "binary", "now")
	f.receiver.Set(map[string]fault.Mood{"steady": {Fail: 0.05}, "made": {Fail: 0.2}, "away": {Fail: 1}})
	stop := f.drive(8)
	fault.Pause(f.Context(), 3*time.Second)

	before := f.oracle.Arrivals()
	fault.Pause(f.Context(), time.Second) // what had arrived by then is in the journal
	began, file := time.Now(), filepath.Join(t.TempDir(), "backup")
	_, err := f.site.Command(f.within(time.Minute), "backup", file)
	f.must(err)
	fault.Pause(f.Context(), 500*time.Millisecond)
	for _, r := range f.replicas {
		r.child.Kill()
	}
	f.bus.stop()
	again := f.oracle.Arrivals() - before

	f.bus = to.cluster(t, 1, false)
	f.bus.start()
	for _, r := range f.replicas {
		r.site.Environ = append(append(r.site.Environ, to.environ...), "HOOKSPAN_BUS="+f.bus.url)
	}
	_, err = f.site.Command(f.within(2*time.Minute), "restore", file, "--timeout", "1m")
	f.must(err)
	f.oracle.Excuse(began, time.Now())
	after := f.driver.FirstAfter(time.Now())
	for _, r := range f.replicas {
		f.boot(r)
	}
	for _, r := range f.replicas {
		f.must(r.child.Ready(f.within(time.Minute), true))
	}
	select {
	case <-after:
	case <-time.After(30 * time.Second):
		t.Fatal("no 2xx within 30 s of the restore")
	}
	fault.Pause(f.Context(), time.Second)
	stop()
	v := f.settle()
	if v.Twice > again {
		t.Errorf("%d events arrived again, of %d deliveries that the backup did not know of", v.Twice, again)
	}
	f.figures("restore_elsewhere", map[string]any{"from": from.name, "to": to.name, "result": v, "arrivals_meanwhile": again})
}
