//go:build disks

package fault_test

import (
	"flag"
	"fmt"
	"testing"
	"time"

	"github.com/hookspan/hookspan/cmd/hookspan/fault"
)

var cuts = flag.Int("fault.cuts", 2, "power cuts")

// Power cuts under load: what was not synced is gone from the disk, and everything that was
// acknowledged arrives all the same, also what is sent afterwards, and also at endpoints that
// had just been registered.
func TestFaultPowerCut(t *testing.T) {
	t.Parallel()
	c := newCutter(t, "group")
	stopDriver := c.drive(16)
	for n := range *cuts {
		c.cut(func() { c.register(fmt.Sprintf("made-%d", n), "binary", "now") })
	}
	c.serve()
	stopDriver()
	v := c.settle()
	c.figures("power_cut", map[string]any{
		"sync": "group", "cuts": *cuts, "result": v, "first_2xx": fault.SpreadOf(c.restarts), "answers": c.driver.Answers(),
	})
}

// So many power cuts and webhooks a second meet the moment between two syncs of the server's own.
const (
	lazyCuts = 3
	lazyRate = 800
)

// The same without a sync before the answer loses something, which shows that the test above
// can fail. What is sent after the restart arrives all the same.
func TestFaultPowerCutLazy(t *testing.T) {
	t.Parallel()
	c := newCutter(t, "lazy")
	c.driver.Rate = max(*rate, lazyRate)
	c.receiver.Set(map[string]fault.Mood{"steady": {Fail: 0.9}}) // what has arrived cannot be lost
	stopDriver := c.drive(16)
	for range lazyCuts {
		c.cut(func() {})
	}
	c.serve()
	stopDriver()
	c.receiver.Set(nil)
	c.wake()
	c.must(c.oracle.Drain(c.within(time.Minute), 3*time.Second))
	v := c.oracle.Verdict()
	if v.Lost == 0 {
		c.Errorf("%d power cuts without a sync lost none of %d deliveries: this test shows nothing", lazyCuts, v.Owed)
	}
	if after := c.oracle.LostSince(c.child.Started); len(after) > 0 {
		c.Errorf("%d deliveries are lost that were sent after the last restart: %v", len(after), after[:min(len(after), 3)])
	}
	c.noFaults(v)
	c.figures("power_cut_lazy", map[string]any{"sync": "lazy", "cuts": lazyCuts, "result": v, "first_2xx": fault.SpreadOf(c.restarts)})
}

// A cutter is a world on a disk of its own. That takes root and a loop device, so these tests are
// built with -tags disks alone.
type cutter struct {
	*world
	disk     *fault.Volume
	child    *fault.Child
	restarts []time.Duration
}

func newCutter(t *testing.T, sync string) *cutter {
	t.Helper()
	disk, err := fault.NewDisk(t.TempDir(), 512)
	if err != nil {
		t.Fatalf("this machine gives no disk, which takes root and a loop device: %v", err)
	}
	t.Cleanup(disk.Close)
	c := &cutter{disk: disk}
	c.world = newWorld(t, disk.Path+"/data", func(url string) []string {
		return append(fault.ImpatientEnviron("steady", url+"/steady"), "HOOKSPAN_ENDPOINTS=steady",
			"HOOKSPAN_PUBLISH_TIMEOUT=1s", "HOOKSPAN_EMBEDDED_SYNC="+sync)
	})
	c.oracle.Owe("steady", time.Time{})
	c.receiver.Set(map[string]fault.Mood{"steady": {Fail: 0.1, Slow: 0.02}})
	return c
}

// serve starts the program and waits for the first 2xx.
func (c *cutter) serve() {
	c.Helper()
	c.child = c.start()
	c.restarts = append(c.restarts, c.accepts(c.child.Started).Sub(c.child.Started))
}

// accepts waits for the next 2xx.
func (c *cutter) accepts(since time.Time) time.Time {
	c.Helper()
	select {
	case at := <-c.driver.FirstAfter(since):
		return at
	case <-c.child.Done():
		c.Fatalf("the process ended by itself with exit code %d", c.child.ExitCode())
	case <-time.After(90 * time.Second):
		c.Fatal("no 2xx for 90 s")
	}
	return time.Time{}
}

// cut starts the program, does what is to be done before, lets it work, and cuts the power right
// after a 2xx: the file system first, so that no sync after it counts, then the process.
func (c *cutter) cut(before func()) {
	c.Helper()
	c.serve()
	before()
	fault.Pause(c.Context(), time.Duration(500+c.rng.IntN(1500))*time.Millisecond)
	c.accepts(time.Now())
	from := time.Now()
	c.must(c.disk.CutPower())
	c.child.Kill()
	c.oracle.Killed(from, time.Now())
	c.must(c.disk.Restore())
}
