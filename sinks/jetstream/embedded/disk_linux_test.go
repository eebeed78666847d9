package embedded_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/sinks/jetstream/embedded"
)

// TestFullDisk fills a small file system until a write fails. The watermark cannot help: it is
// one byte. Nothing acknowledged may be lost, and when there is space again, events go on
// without a hand. Where a test may not mount, TestWatermark is what remains.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=64m"); err != nil {
		if errors.Is(err, unix.EPERM) {
			return
		}
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	ballast := filepath.Join(dir, "ballast")
	if err := os.WriteFile(ballast, make([]byte, 24<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	s := open(t, embedded.Options{Dir: filepath.Join(dir, "data"), MaxStore: 1 << 30, Watermark: 1})

	acked, err := publishUntilRefused(t, s)
	if !errors.Is(err, bus.ErrDiskFull) {
		t.Errorf("on a full disk: %v, want ErrDiskFull", err)
	}
	waitFor(t, func() bool { return errors.Is(s.Health(within(t)), bus.ErrDiskFull) })

	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	waitFor(t, func() bool {
		_, err := s.store.Publish(within(t), topic, order("after"), bus.PublishOptions{})
		return err == nil
	})
	if err := s.Health(within(t)); err != nil {
		t.Errorf("with space again: %v", err)
	}
	left := stored(t, s)
	for _, id := range append(acked, "after") {
		if !left[id] {
			t.Errorf("acknowledged event %s is lost", id)
		}
	}
}

func publishUntilRefused(t *testing.T, s *opened) (acked []string, refused error) {
	var mu sync.Mutex
	var all sync.WaitGroup
	data := bytes.Repeat([]byte("x"), 64<<10)
	for p := range 8 {
		all.Go(func() {
			for i := 0; ; i++ {
				e := order(fmt.Sprintf("%d-%d", p, i))
				e.Data = data
				_, err := s.store.Publish(within(t), topic, e, bus.PublishOptions{})
				mu.Lock()
				if err != nil {
					refused = err
				} else {
					acked = append(acked, e.ID)
				}
				mu.Unlock()
				if err != nil {
					return
				}
			}
		})
	}
	all.Wait()
	return acked, refused
}
