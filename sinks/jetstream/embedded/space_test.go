package embedded_test

import (
	"testing"

	"github.com/hookspan/hookspan/sinks/jetstream/embedded"
	"github.com/hookspan/hookspan/sinks/jetstream/natstest"
)

// Others may have filled the disk since the streams were made, so that the store plans with
// less than they have reserved. It opens all the same, with everything in it.
func TestStoreThatBecameSmaller(t *testing.T) {
	t.Parallel()
	dir := natstest.Folder(t)
	for i, size := range []int64{512 << 20, 64 << 20, 16 << 20, 128 << 20} {
		s := open(t, embedded.Options{Dir: dir, MaxStore: size})
		publish(t, s, string(rune('a'+i)))
		if got := len(stored(t, s)); got != i+1 {
			t.Errorf("with %d bytes: %d events are stored, want %d", size, got, i+1)
		}
		room, err := s.store.Room(within(t))
		if err != nil {
			t.Fatal(err)
		}
		if room.Limit > size {
			t.Errorf("with %d bytes: room for %d", size, room.Limit)
		}
		if _, err := s.store.AppendJournal(within(t), 0, []byte("attempt")); err != nil {
			t.Errorf("with %d bytes: journal: %v", size, err)
		}
		s.close()
	}
}
