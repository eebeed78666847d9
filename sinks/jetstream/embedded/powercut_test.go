package embedded_test

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/sinks/jetstream/embedded"
)

// A power cut keeps what was synced. Here every file of the store is cut back to the size that
// it had when the last sync began that had ended before the cut, and a file that was not there
// then does not exist: no acknowledged event may be missing. In lazy mode the same cut loses
// some, which shows that this test can fail.
func TestPowerCut(t *testing.T) {
	t.Parallel()
	for mode, loses := range map[embedded.Sync]bool{embedded.Group: false, embedded.Lazy: true} {
		t.Run(string(mode), func(t *testing.T) {
			t.Parallel()
			dir, after := t.TempDir(), t.TempDir()
			var disk surface
			s := openWith(t, embedded.Options{Dir: dir, Sync: mode}, func(flush func() error) func() error {
				return func() error { return disk.sync(dir, flush) }
			})
			acked := publishUntilCut(t, s, func() { disk.cut() })
			disk.restore(t, dir, after)
			s.close()

			left := stored(t, open(t, embedded.Options{Dir: after}))
			lost := 0
			for _, id := range acked {
				if !left[id] {
					lost++
				}
			}
			t.Logf("%d acknowledged, %d lost", len(acked), lost)
			if (lost > 0) != loses {
				t.Errorf("%d of %d acknowledged events are lost", lost, len(acked))
			}
		})
	}
}

// publishUntilCut publishes from many goroutines, cuts in the middle of it, and returns the
// ids of the events that were acknowledged before the cut.
func publishUntilCut(t *testing.T, s *opened, cut func()) []string {
	const publishers, each, cutAfter = 32, 230, 5000 // over 8 MB, so that a block is full on the way
	big := []byte(`"` + strings.Repeat("x", 2700) + `"`)
	var mu sync.Mutex
	var acked []string
	done := false
	var all sync.WaitGroup
	for p := range publishers {
		all.Go(func() {
			for i := range each {
				e := order(fmt.Sprintf("%d-%d", p, i))
				e.Data = big
				if _, err := s.store.Publish(within(t), topic, e, bus.PublishOptions{}); err != nil {
					t.Errorf("publish: %v", err)
					return
				}
				mu.Lock()
				if !done {
					acked = append(acked, e.ID)
				}
				if len(acked) == cutAfter && !done {
					done = true
					cut()
				}
				mu.Unlock()
			}
		})
	}
	all.Wait()
	if !done {
		t.Fatalf("only %d events were acknowledged", len(acked))
	}
	return acked
}

// surface is what of the files a disk has for certain.
type surface struct {
	mu     sync.Mutex
	synced map[string]int64 // sizes when the last sync began that has ended
	kept   map[string]int64 // synced as it was at the cut
}

func (d *surface) sync(dir string, flush func() error) error {
	sizes, err := sizes(dir)
	if err != nil {
		return err
	}
	if err := flush(); err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.synced = sizes
	return nil
}

func (d *surface) cut() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.kept = d.synced
}

// restore copies what was kept. Message blocks only grow here, so the first bytes of a block
// are what they were at the cut; the index that the server writes beside them does not, and
// is left out, as a server that was cut off would not trust it.
func (d *surface) restore(t *testing.T, from, to string) {
	t.Helper()
	for path, size := range d.kept {
		if filepath.Base(path) == "index.db" || filepath.Base(path) == "lock" {
			continue
		}
		if err := os.MkdirAll(filepath.Join(to, filepath.Dir(path)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := copyStart(filepath.Join(from, path), filepath.Join(to, path), size); err != nil {
			t.Fatal(err)
		}
	}
}

func copyStart(from, to string, size int64) error {
	in, err := os.Open(from)
	if os.IsNotExist(err) {
		return nil
	}
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	defer out.Close()
	_, err = io.CopyN(out, in, size)
	if err == io.EOF {
		return nil
	}
	return err
}

func sizes(dir string) (map[string]int64, error) {
	sizes := map[string]int64{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if os.IsNotExist(err) {
			return nil
		}
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		info, err := d.Info()
		if os.IsNotExist(err) {
			return nil
		}
		if err != nil {
			return err
		}
		name, err := filepath.Rel(dir, path)
		sizes[name] = info.Size()
		return err
	})
	return sizes, err
}
