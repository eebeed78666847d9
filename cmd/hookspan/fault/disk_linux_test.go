//go:build disks

package fault_test

import (
	"fmt"
	"maps"
	"path/filepath"
	"testing"
	"time"

	"github.com/hookspan/hookspan/cmd/hookspan/fault"
)

// A disk that others fill: the intake says so before it is full, deliveries go on, and all is
// well again without a hand when there is space.
func TestFaultDiskFull(t *testing.T) {
	t.Parallel()
	f := newWatermark(t)
	first := f.ready()
	f.owe()
	stop := f.drive(8)
	f.untilTaken()

	f.fill(f.low)
	unready := f.untilRefused(first, "503 disk_full")
	deliver := f.oracle.Arrivals()
	f.must(f.oracle.Drain(f.within(time.Minute), patience))
	if f.oracle.Missing() > 0 {
		f.Errorf("%d deliveries wait for space below the watermark, %d were made", f.oracle.Missing(), f.oracle.Arrivals()-deliver)
	}
	recovered := f.untilRecovered(first)

	stop()
	f.report("disk_full", unready, recovered, f.settle())
}

// A disk that is full to the last byte: writes fail in the middle. Nothing is acknowledged
// that is not there, and the process stays.
func TestFaultNoSpaceLeft(t *testing.T) {
	t.Parallel()
	f := newFiller(t)
	child := f.ready()
	f.owe()
	stop := f.drive(8)
	f.untilTaken()

	var unready, recovered []time.Duration
	for range 2 {
		f.receiver.Set(map[string]fault.Mood{"steady": {Fail: 0.3}})
		f.fill(0)
		unready = append(unready, f.untilRefused(child, ""))
		f.fill(0) // the last bytes that somebody gave back
		fault.Pause(f.Context(), 1500*time.Millisecond)
		recovered = append(recovered, f.untilRecovered(child))
	}

	stop()
	f.report("no_space_left", unready[0], recovered[0], f.settle())
}

// A start and a kill while the disk is full: the process waits for space, it does not give up.
func TestFaultStartOnFullDisk(t *testing.T) {
	t.Parallel()
	f := newFiller(t)
	child := f.ready()
	f.owe()
	stop := f.drive(4)
	f.untilTaken()
	f.fill(0)
	unready := f.untilRefused(child, "")
	from := time.Now()
	child.Kill()
	f.oracle.Killed(from, time.Now())
	f.fill(0)

	again := f.start()
	fault.Pause(f.Context(), time.Second)
	if !again.Alive() {
		f.Fatalf("with a full disk the start fails with exit code %d", again.ExitCode())
	}
	recovered := f.untilRecovered(again)
	stop()
	f.report("start_on_full_disk", unready, recovered, f.settle())
}

// A store that its own events fill: what everybody has is purged, and the rest of the time
// the intake refuses.
func TestFaultStoreFull(t *testing.T) {
	t.Parallel()
	f := fillerOn(t, t.TempDir(), 1)
	f.driver.Size, f.driver.Rate = 200_000, 100
	child := f.ready("HOOKSPAN_EMBEDDED_MAX_STORE=20MiB")
	f.owe()
	stop := f.drive(4)
	unready := f.untilRefused(child, "503 store_full")
	began := time.Now()
	if err := fault.Await(f.within(15*time.Second), 50*time.Millisecond, func() bool {
		return f.driver.Answers()["2xx"] > f.taken+50
	}); err != nil {
		f.Errorf("everybody has had what fills the store, and it is still full: %v", f.driver.Answers())
	}
	stop()
	f.report("store_full", unready, time.Since(began), f.settle())
}

// A filler is a world on a disk of its own. That takes a right to mount, so these tests are built
// with -tags disks alone.
type filler struct {
	*world
	ballast fault.Ballast
	low     int64 // bytes that are free below the watermark
	taken   int   // 2xx before the disk was full
}

const volumeSize = 64 // MB

// newFiller has the data folder on a small volume in memory, and the watermark one byte above
// nothing.
func newFiller(t *testing.T) *filler {
	t.Helper()
	return fillerOn(t, small(t), 1)
}

// newWatermark is the same with the default watermark, 5 % of the volume.
func newWatermark(t *testing.T) *filler {
	t.Helper()
	f := fillerOn(t, small(t), volumeSize<<20/20)
	f.low = 1 << 20
	return f
}

// small is a folder on a volume in memory.
func small(t *testing.T) string {
	t.Helper()
	volume, err := fault.NewMemory(t.TempDir(), volumeSize)
	if err != nil {
		t.Fatalf("this machine gives no file system in memory, which takes a right to mount: %v", err)
	}
	t.Cleanup(volume.Close)
	return volume.Path
}

func fillerOn(t *testing.T, folder string, watermark int64) *filler {
	t.Helper()
	f := &filler{ballast: fault.Ballast{Folder: folder}}
	f.world = newWorld(t, filepath.Join(folder, "data"), func(url string) []string {
		return append(fault.ImpatientEnviron("steady", url+"/steady"), "HOOKSPAN_ENDPOINTS=steady",
			"HOOKSPAN_PUBLISH_TIMEOUT=1s", fmt.Sprintf("HOOKSPAN_DISK_WATERMARK=%d", watermark))
	})
	return f
}

func (f *filler) owe() { f.oracle.Owe("steady", time.Time{}) }

func (f *filler) fill(leave int64) {
	f.Helper()
	f.must(f.ballast.Fill(leave))
}

// untilTaken waits until webhooks are taken and delivered.
func (f *filler) untilTaken() {
	f.Helper()
	f.must(fault.Await(f.within(20*time.Second), 10*time.Millisecond, func() bool {
		return f.driver.Answers()["2xx"] >= 50 && f.oracle.Arrivals() > 0
	}))
}

// untilRefused waits until no webhook is taken any more and the process says that it is not
// ready. With an answer that is the one that senders have to get.
func (f *filler) untilRefused(c *fault.Child, answer string) time.Duration {
	f.Helper()
	began, before := time.Now(), f.driver.Answers()
	err := fault.Await(f.within(30*time.Second), 10*time.Millisecond, func() bool {
		now := f.driver.Answers()
		if answer != "" {
			return now[answer] > before[answer]
		}
		return now["503 disk_full"] > before["503 disk_full"] || now["503 bus_unavailable"] > before["503 bus_unavailable"]
	})
	if err != nil {
		f.Fatalf("no %q within 30 s of filling the disk: %v before, %v now", answer, before, f.driver.Answers())
	}
	took := time.Since(began)
	if answer != "503 store_full" { // which is over as soon as something was purged
		f.must(c.Ready(f.within(10*time.Second), false))
	}
	f.taken = f.driver.Answers()["2xx"]
	return took
}

// untilRecovered gives the space back and waits until the process is ready and takes webhooks.
func (f *filler) untilRecovered(c *fault.Child) time.Duration {
	f.Helper()
	if !c.Alive() {
		f.Fatalf("the process ended with exit code %d because the disk was full", c.ExitCode())
	}
	f.must(f.ballast.Empty())
	began := time.Now()
	taken := f.driver.FirstAfter(began)
	f.must(c.Ready(f.within(30*time.Second), true))
	select {
	case at := <-taken:
		return at.Sub(began)
	case <-time.After(30 * time.Second):
		f.Fatal("no 2xx within 30 s of freeing the disk")
		return 0
	}
}

func (f *filler) report(name string, unready, recovered time.Duration, v fault.Verdict) {
	answers := maps.Clone(f.driver.Answers())
	f.figures(name, map[string]any{
		"result": v, "answers": answers,
		"until_refused_ms": fault.Milliseconds(unready), "until_recovered_ms": fault.Milliseconds(recovered),
	})
}
