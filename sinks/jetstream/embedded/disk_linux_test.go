//go:build disks

package embedded_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/sinks/jetstream/embedded"
)

// TestFullDisk fills a small file system until a write fails. The watermark cannot help: it is
// one byte. Nothing acknowledged may be lost, and when there is space again, events go on
// without a hand.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	dir, ballast := smallDisk(t, 64, 24)
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

// The disk of one server of a cluster is full: the others go on, and it joins them again when
// there is space.
func TestFullDiskInACluster(t *testing.T) {
	t.Parallel()
	three := newTrio(t)
	dir, ballast := smallDisk(t, 192, 152)
	three[0].Dir, three[0].Watermark = filepath.Join(dir, "data"), 1
	members := joinAll(t, three)
	full := func() bool { // the server may have removed what it could not finish, and some is free again
		err := members[0].Health(t.Context())
		return errors.Is(err, bus.ErrDiskFull) || err != nil && strings.Contains(err.Error(), "given up its storage")
	}
	var acked []string
	data := bytes.Repeat([]byte("x"), 256<<10)
	// More than its disk has room for now, and less than it has room for without the ballast, in the
	// log and in the stream: what the others store while it begins anew with some space left counts too.
	for i := 0; i < 64<<20/len(data) && !full(); i++ {
		e := order(fmt.Sprintf("order-%d", i))
		e.Data = data
		if _, err := members[1+i%2].store.Publish(within(t), topic, e, bus.PublishOptions{}); err == nil {
			acked = append(acked, e.ID)
		}
	}
	waitFor(t, full)
	publish(t, members[1], "meanwhile")
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	recovers(t, members[0].Server, 3*patience) // it has to fetch all that the others have stored meanwhile
	publish(t, members[0], "after")
	left := stored(t, members[0])
	for _, id := range append(acked, "meanwhile", "after") {
		if !left[id] {
			t.Errorf("acknowledged event %s is lost", id)
		}
	}
}

func recovers(t *testing.T, s *embedded.Server, within time.Duration) {
	t.Helper()
	deadline := time.After(within)
	for {
		err := s.Health(t.Context())
		if err == nil {
			return
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-deadline:
			t.Fatalf("not well again after %v: %v", within, err)
		}
	}
}

// smallDisk returns a folder with a size in MB, of which a file takes some until it is removed.
// That takes a right to mount, so these tests are built with -tags disks alone.
func smallDisk(t *testing.T, size, filled int) (dir, ballast string) {
	t.Helper()
	dir = t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprintf("size=%dm", size)); err != nil {
		t.Fatalf("this machine gives no file system in memory: %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	ballast = filepath.Join(dir, "ballast")
	if err := os.WriteFile(ballast, make([]byte, filled<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir, ballast
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
