//go:build fleets && disks

package fault_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hookspan/hookspan/cmd/hookspan/fault"
)

// The power of one member of an embedded cluster fails, then that of all, then that of all while
// one has just begun to catch up: what was not synced is gone from each disk, and everything that
// was acknowledged arrives all the same, also at endpoints that had just been registered. While
// one is away the others take webhooks.
func TestFaultClusterPowerCut(t *testing.T) {
	o := newOutage(t, "group")
	stop := o.begin()
	began := time.Now()
	for n := range *cuts {
		o.strike(cutOne, func() { o.register(fmt.Sprintf("one-%d", n), "binary", "now"); o.cutOne() })
		o.strike(cutAll, func() { o.register(fmt.Sprintf("all-%d", n), "binary", "now"); o.cutAll() })
		o.strike(cutTwice, func() {
			o.cutOne()
			o.pause(100*time.Millisecond, 2*time.Second)
			o.cutAll()
		})
	}
	ended := time.Now()
	stop()
	o.drain()
	v := o.settle()
	if v.Unexcused > 0 {
		t.Errorf("%d deliveries were repeated without a cut:\n%s", v.Unexcused, strings.Join(v.Repeats, "\n"))
	}
	for _, b := range o.blows {
		if gap, most := o.driver.Taken.Gap(b.from, b.to), election+o.busy(b.from, b.to); b.what == cutOne && gap > most {
			t.Errorf("two members of three took no webhook for %v, want at most %v", gap, most)
		}
	}
	o.idle()
	o.figures("cluster_power_cut", map[string]any{
		"sync": "group", "cuts": *cuts, "result": v, "blows": o.aftermaths(), "answers": o.driver.Answers(),
		"busy_ms": fault.Milliseconds(o.busy(began, ended)),
	})
}

// The same without a sync before the answer loses something when all fail at once, which shows
// that the test above can fail. What is sent after the restart arrives all the same.
func TestFaultClusterPowerCutLazy(t *testing.T) {
	o := newOutage(t, "lazy")
	o.driver.Rate = lazyOutageRate
	stop := o.begin()
	o.receiver.Set(map[string]fault.Mood{"steady": {Fail: 0.9}}) // what has arrived cannot be lost
	for range lazyCuts {
		o.cutAll()
		o.well()
		o.pause(500*time.Millisecond, time.Second)
	}
	since := time.Now()
	o.accepts(since)
	stop()
	o.drain()
	v := o.oracle.Verdict()
	if v.Lost == 0 {
		t.Errorf("%d power cuts without a sync lost none of %d deliveries: this test shows nothing", lazyCuts, v.Owed)
	}
	after := o.oracle.LostSince(since)
	for _, k := range after[:min(len(after), 3)] {
		for _, r := range o.replicas {
			t.Logf("%s is lost, and %s says: %s", k, r.name, r.site.Deliveries(o.within(10*time.Second), k.ID))
		}
	}
	if len(after) > 0 {
		t.Errorf("%d deliveries are lost that were sent after the last restart", len(after))
	}
	o.noFaults(v)
	o.figures("cluster_power_cut_lazy", map[string]any{"sync": "lazy", "cuts": lazyCuts, "result": v, "answers": o.driver.Answers()})
}

// Webhooks a second: what three members that sync can take beside the test on two cores, and
// enough that some come between two syncs of the server's own.
const outageRate, lazyOutageRate = 80, 300

const cutOne, cutAll, cutTwice = "cut the power of one", "cut the power of all", "cut the power of all while one catches up"

// An outage is an embedded cluster of three, each on a disk of its own. That takes root and loop
// devices, so these tests are built with -tags fleets,disks alone.
type outage struct {
	*storm
	disks []*fault.Volume // of the replicas, in their order
}

func newOutage(t *testing.T, sync string) *outage {
	t.Helper()
	o := &outage{storm: &storm{fleet: newFleet(t, ofThemAll(), size{replicas: 3}, func(receiver string) []string {
		return append(fault.ImpatientEnviron("steady", receiver+"/steady"), "HOOKSPAN_ENDPOINTS=steady", "HOOKSPAN_EMBEDDED_SYNC="+sync)
	})}}
	for _, r := range o.replicas {
		disk, err := fault.NewDisk(t.TempDir(), 512)
		if err != nil {
			t.Fatalf("this machine gives no disk, which takes root and a loop device: %v", err)
		}
		t.Cleanup(disk.Close)
		o.disks = append(o.disks, disk)
		r.site.Folder = disk.Path + "/data"
		r.site.Environ = append(r.site.Environ, "HOOKSPAN_LEASE=10s") // the default: shards wait for elections as it is
	}
	o.driver.Rate = outageRate
	o.oracle.Owe("steady", time.Time{})
	o.receiver.Set(map[string]fault.Mood{"steady": {Fail: 0.1, Slow: 0.02}})
	return o
}

// begin has the cluster serve under load, until stop is called.
func (o *outage) begin() (stop func()) {
	o.Helper()
	o.serve()
	o.Cleanup(o.beat())
	stop = o.drive(64)
	o.must(fault.Await(o.within(time.Minute), 20*time.Millisecond, func() bool { return len(o.endpoints()) == 1 }))
	return stop
}

// well waits until each member serves.
func (o *outage) well() {
	o.Helper()
	for _, r := range o.replicas {
		o.must(r.child.Ready(o.within(time.Minute), true))
	}
}

// drain waits for what is on its way. After a cut of all the members elect the leaders of all
// streams and share the shards anew before anything arrives.
func (o *outage) drain() {
	o.Helper()
	o.receiver.Set(nil)
	o.must(o.oracle.Drain(o.within(3*time.Minute), 40*time.Second))
}

// accepts waits for the next 2xx.
func (o *outage) accepts(since time.Time) {
	o.Helper()
	select {
	case <-o.driver.FirstAfter(since):
	case <-time.After(time.Minute):
		o.Fatal("no 2xx for a minute")
	}
}

// cutOne cuts the power of any member right after a 2xx. It comes back after a while.
func (o *outage) cutOne() {
	o.Helper()
	i := o.rng.IntN(len(o.replicas))
	o.accepts(time.Now())
	o.cut(i)
	o.down()
	o.restore(i)
}

// cutAll cuts the power of all members at once, right after a 2xx. They come back one soon after
// the other, in any order.
func (o *outage) cutAll() {
	o.Helper()
	o.accepts(time.Now())
	order := o.rng.Perm(len(o.replicas))
	o.cut(order...)
	for _, i := range order {
		o.restore(i)
		o.pause(0, 500*time.Millisecond)
	}
}

// cut shuts down the file systems first, so that no sync after it counts, then the processes.
func (o *outage) cut(members ...int) {
	o.Helper()
	from := time.Now()
	var cutting sync.WaitGroup
	failed := make([]error, len(o.disks))
	for _, i := range members {
		cutting.Go(func() { failed[i] = o.disks[i].CutPower() })
	}
	cutting.Wait()
	for _, i := range members {
		o.must(failed[i])
		o.replicas[i].child.Kill()
	}
	o.oracle.Killed(from, time.Now())
}

// restore brings a member back with what its disk has kept.
func (o *outage) restore(i int) {
	o.Helper()
	o.must(o.disks[i].Restore())
	o.boot(o.replicas[i])
}
