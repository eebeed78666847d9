package embedded_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/hookspan/hookspan/sinks/jetstream/embedded"
	"github.com/hookspan/hookspan/sinks/jetstream/natstest"
)

// The server writes a stream's description and then its checksum. A process that was killed
// in between is opened with the same streams as before.
func TestKillBetweenDescriptionAndChecksum(t *testing.T) {
	t.Parallel()
	for name, cutOff := range map[string]func(sum string) error{
		"the checksum is an older one": func(sum string) error { return os.WriteFile(sum, []byte("0123456789abcdef"), 0o600) },
		"there is no checksum yet":     os.Remove,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := natstest.Folder(t)
			s := open(t, embedded.Options{Dir: dir})
			publish(t, s, "1")
			before := identities(t, s)
			s.close()
			sums, err := filepath.Glob(filepath.Join(dir, "jetstream", "*", "streams", "*", "meta.sum"))
			if err != nil || len(sums) < 6 {
				t.Fatalf("%d checksums (%v), the server keeps them elsewhere", len(sums), err)
			}
			for _, sum := range sums {
				if err := cutOff(sum); err != nil {
					t.Fatal(err)
				}
			}
			s = open(t, embedded.Options{Dir: dir})
			if !stored(t, s)["1"] {
				t.Error("the event is gone")
			}
			if after := identities(t, s); len(after) == 0 || after[0] != before[0] {
				t.Errorf("the stream is another one than before: %v, was %v", after, before)
			}
		})
	}
}

// A description that is damaged is left to the server, which does without the stream.
func TestDamagedDescriptionIsNotMended(t *testing.T) {
	t.Parallel()
	dir := natstest.Folder(t)
	s := open(t, embedded.Options{Dir: dir})
	before := identities(t, s)
	s.close()
	meta := filepath.Join(dir, "jetstream", "EVENTS", "streams", "HOOKSPAN_EVENTS", "meta.inf")
	text, err := os.ReadFile(meta)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(meta, text[:len(text)/2], 0o600); err != nil {
		t.Fatal(err)
	}
	if after := identities(t, open(t, embedded.Options{Dir: dir})); len(after) == 0 || after[0] == before[0] {
		t.Errorf("identities %v, were %v", after, before)
	}
}

func identities(t *testing.T, s *opened) []string {
	t.Helper()
	spans, err := s.store.Spans(within(t))
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, span := range spans {
		all = append(all, string(span.Identity))
	}
	return all
}
