package embedded_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/sinks/jetstream/embedded"
	"github.com/hookspan/hookspan/sinks/jetstream/natstest"
)

// Without its messages a stream would be the same one as before, and empty.
func TestAStreamWithoutItsMessagesIsAnotherOne(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(stream string) error
		same   bool
	}{
		"the folder was removed": {func(stream string) error { return os.RemoveAll(filepath.Join(stream, "msgs")) }, false},
		"all in it was removed": {func(stream string) error {
			return errors.Join(os.RemoveAll(filepath.Join(stream, "msgs")), os.Mkdir(filepath.Join(stream, "msgs"), 0o700))
		}, false},
		"a purge was cut off": {func(stream string) error {
			in := func(path string) string { return filepath.Join(stream, path) }
			return errors.Join(os.Mkdir(in("__new_msgs__"), 0o700), os.Rename(in("msgs/1.blk"), in("__new_msgs__/1.blk")), os.Rename(in("msgs"), in("__msgs__")))
		}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := natstest.Folder(t)
			s := open(t, embedded.Options{Dir: dir})
			publish(t, s, "1")
			before := identities(t, s)
			s.close()
			if err := c.change(filepath.Join(dir, "jetstream", "EVENTS", "streams", "HOOKSPAN_EVENTS")); err != nil {
				t.Fatal(err)
			}
			s = open(t, embedded.Options{Dir: dir})
			if after := identities(t, s); len(after) == 0 || (after[0] == before[0]) != c.same || stored(t, s)["1"] != c.same {
				t.Errorf("the stream is %v, was %v", after, before)
			}
		})
	}
}

// A server that ends has no streams any more, which says nothing about what became of their files.
func TestWhatIsRemovedBesideTheEndIsNotTakenForDeleted(t *testing.T) {
	t.Parallel()
	dir := natstest.Folder(t)
	open(t, embedded.Options{Dir: dir}).close()
	s := open(t, embedded.Options{Dir: dir})
	intact := s.Intact()
	s.close()
	if err := intact(); err != nil {
		t.Errorf("nothing was removed, and %v", err)
	}
	if err := os.RemoveAll(filepath.Join(dir, "jetstream", "EVENTS", "streams", "HOOKSPAN_EVENTS", "msgs")); err != nil {
		t.Fatal(err)
	}
	if err := intact(); err == nil {
		t.Error("what is acknowledged would be believed")
	}
}

// What a server acknowledged that then had to be opened again may be gone, so the sync that it waits
// for is none, however late it comes.
func TestWhatWaitsForASyncIsNotBelievedAfterwards(t *testing.T) {
	t.Parallel()
	o := embedded.Options{Dir: natstest.Folder(t)}
	made := open(t, o)
	publish(t, made, "before")
	made.close()
	var hold sync.Mutex
	var begun atomic.Int64
	s := openWith(t, o, func(flush func() error) func() error {
		return func() error {
			begun.Add(1)
			hold.Lock()
			defer hold.Unlock()
			return flush()
		}
	})
	publish(t, s, "opens the block")
	hold.Lock()
	before := begun.Load()
	ended := make(chan error, 2) // sync and publish send
	go func() { ended <- s.store.Sync(within(t)) }()
	waitFor(t, func() bool { return begun.Load() > before })
	go func() {
		_, err := s.store.Publish(within(t), topic, order("waits"), bus.PublishOptions{})
		ended <- err
	}()
	waitFor(t, func() bool {
		spans, err := s.store.Spans(within(t))
		return err == nil && spans[0].End.Seq == 3
	})
	folder := filepath.Join(o.Dir, "jetstream", "EVENTS", "streams", "HOOKSPAN_EVENTS")
	if err := os.RemoveAll(filepath.Join(folder, "msgs")); err != nil {
		t.Fatal(err)
	}
	waitFor(t, func() bool {
		_, err := os.Stat(folder)
		return errors.Is(err, fs.ErrNotExist) && s.Conns().Events.Status() == nats.CONNECTED
	})
	hold.Unlock()
	for range 2 {
		if err := <-ended; err == nil {
			t.Error("what was written before the server was opened again is believed")
		}
	}
}

// Nobody has looked yet at the files of a stream that was made a moment ago.
func TestFilesOfANewStreamAreRemoved(t *testing.T) {
	t.Parallel()
	dir := natstest.Folder(t)
	s := open(t, embedded.Options{Dir: dir})
	if err := os.RemoveAll(filepath.Join(dir, "jetstream", "EVENTS", "streams", "HOOKSPAN_EVENTS")); err != nil {
		t.Fatal(err)
	}
	var acked []string
	for n := range 20 {
		id := fmt.Sprint(n)
		if _, err := s.store.Publish(within(t), topic, order(id), bus.PublishOptions{}); err == nil {
			acked = append(acked, id)
		}
	}
	s.close()
	s = open(t, embedded.Options{Dir: dir})
	left := stored(t, s)
	for _, id := range acked {
		if !left[id] {
			t.Errorf("acknowledged event %s is lost", id)
		}
	}
}
