//go:build unix && (disks || fleets)

package fault_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hookspan/hookspan/cmd/hookspan/fault"
)

// A stop while endpoints hang ends in time and loses nothing, though it cuts attempts off. One that
// can finish what it began repeats nothing.
func TestFaultStop(t *testing.T) {
	t.Parallel()
	const short, long = 2 * time.Second, 30 * time.Second
	w := newWorld(t, t.TempDir(), func(url string) []string {
		env := append(fault.ImpatientEnviron("steady", url+"/steady"), fault.ImpatientEnviron("hung", url+"/hung")...)
		return append(env, "HOOKSPAN_ENDPOINTS=steady,hung", "HOOKSPAN_ENDPOINT_HUNG_TIMEOUT=1m", "HOOKSPAN_STOP_GRACE="+short.String())
	})
	w.oracle.Owe("steady", time.Time{})
	w.oracle.Owe("hung", time.Time{})
	steady := fault.Mood{Fail: 0.1, Slow: 0.05}
	w.receiver.Set(map[string]fault.Mood{"hung": {Hang: 1}, "steady": steady})
	c := w.ready() // the endpoints are known: what is published from here on is for them
	stopDriver, stopBus := w.drive(8), w.publish(20*time.Millisecond)
	fault.Pause(w.Context(), 600*time.Millisecond)
	cut := time.Now()
	stops := []time.Duration{w.stopChild(c, short+5*time.Second)}
	w.oracle.Killed(cut, time.Now())

	w.receiver.Set(map[string]fault.Mood{"steady": steady})
	patient := "HOOKSPAN_STOP_GRACE=" + long.String()
	c = w.ready(patient)
	fault.Pause(w.Context(), 600*time.Millisecond)
	stops = append(stops, w.stopChild(c, long+5*time.Second))
	c = w.ready(patient)
	stopDriver()
	stopBus()
	v := w.settle()
	if v.Unexcused > 0 {
		w.Errorf("%d deliveries were repeated although the stop was a clean one:\n%s", v.Unexcused, strings.Join(v.Repeats, "\n"))
	}
	if v.OldestRepeat > fault.Milliseconds(time.Second) {
		w.Errorf("a success was repeated that was %.0f ms old when the stop began", float64(v.OldestRepeat)/1e6)
	}
	w.stopChild(c, long+5*time.Second)
	w.figures("stop", map[string]any{"result": v, "stops": fault.SpreadOf(stops)})
}

// stopChild sends SIGTERM and waits for the end.
func (w *world) stopChild(c *fault.Child, most time.Duration) time.Duration {
	w.Helper()
	began := time.Now()
	w.must(c.Signal(syscall.SIGTERM))
	select {
	case <-c.Done():
	case <-time.After(most):
		_ = c.Signal(syscall.SIGQUIT) // leaves its stacks in the log
		w.Fatalf("still running %v after SIGTERM", most)
	}
	if code := c.ExitCode(); code != 0 {
		w.Errorf("exit code %d after SIGTERM", code)
	}
	return time.Since(began)
}

// A second process on the same folder refuses and says why, and harms nothing.
func TestFaultSecondProcess(t *testing.T) {
	t.Parallel()
	w := newWorld(t, t.TempDir(), func(url string) []string {
		return append(fault.ImpatientEnviron("steady", url+"/steady"), "HOOKSPAN_ENDPOINTS=steady")
	})
	w.oracle.Owe("steady", time.Time{})
	first := w.ready()
	stop := w.drive(4)
	other := newSite(t, w.site.Folder, filepath.Join(t.TempDir(), "log"), w.site.Environ...)
	second, err := other.Start()
	w.must(err)
	t.Cleanup(second.Kill)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	w.must(fault.Await(ctx, 10*time.Millisecond, func() bool { return !second.Alive() }))
	if code := second.ExitCode(); code != 1 {
		w.Errorf("exit code %d of the second process, want 1", code)
	}
	text, err := os.ReadFile(other.Log)
	w.must(err)
	if !strings.Contains(string(text), "in use by another process") || !strings.Contains(string(text), w.site.Folder) {
		w.Errorf("the second process does not say that the folder is in use: %s", text)
	}
	fault.Pause(t.Context(), 200*time.Millisecond)
	if !first.Alive() {
		w.Error("the first process has ended")
	}
	stop()
	w.settle()
}
