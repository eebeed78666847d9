package jetstream_test

import (
	"bytes"
	"errors"
	"slices"
	"testing"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/sinks/jetstream"
	"github.com/hookspan/hookspan/sinks/jetstream/subject"
)

func TestSubjects(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		a, b            string
		collide, covers bool
	}{
		{"a.b", "a.b", true, true},
		{"a.b", "a.c", false, false},
		{"a.*", "a.b", true, true},
		{"a.b", "a.*", true, false},
		{"a.>", "a.b.c", true, true},
		{"a.>", "a", false, false},
		{"a", "a.>", false, false},
		{"a.b.c", "a.>", true, false},
		{">", "a", true, true},
		{"a.*", "a.>", true, false},
		{"a.>", "a.*", true, true},
		{"a.*.c", "a.b.*", true, false},
		{"a.*", "a.b.c", false, false},
		{"*", "a", true, true},
		{"*.b", "a.>", true, false},
	} {
		if got := subject.Collide(c.a, c.b); got != c.collide {
			t.Errorf("%s and %s collide: %v", c.a, c.b, got)
		}
		if got := subject.Collide(c.b, c.a); got != c.collide {
			t.Errorf("%s and %s collide: %v", c.b, c.a, got)
		}
		if got := subject.Covers(c.a, c.b); got != c.covers {
			t.Errorf("%s covers %s: %v", c.a, c.b, got)
		}
	}
	got := subject.Essential([]string{"a.b", "a.*", "b", "a.*", "a.>", "b"})
	if !slices.Equal(got, []string{"b", "a.>"}) {
		t.Errorf("essential: %v", got)
	}
}

func FuzzReadRecord(f *testing.F) {
	f.Add(jetstream.AppendRecord(nil, bus.Record{ID: [16]byte{1}, Prev: bus.NoPosition, Data: []byte("data")}))
	f.Add([]byte{9})
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := jetstream.ReadRecord(data)
		if err != nil {
			if !errors.Is(err, bus.ErrNewerFormat) {
				t.Errorf("%v", err)
			}
			return
		}
		if r.ID != ([16]byte{}) && !bytes.Equal(jetstream.AppendRecord(nil, r), data) {
			t.Errorf("%x reads as %v", data, r)
		}
	})
}
