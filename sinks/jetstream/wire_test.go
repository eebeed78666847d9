package jetstream_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"testing"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/sinks/jetstream"
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
		if got := jetstream.Collide(c.a, c.b); got != c.collide {
			t.Errorf("%s and %s collide: %v", c.a, c.b, got)
		}
		if got := jetstream.Collide(c.b, c.a); got != c.collide {
			t.Errorf("%s and %s collide: %v", c.b, c.a, got)
		}
		if got := jetstream.Covers(c.a, c.b); got != c.covers {
			t.Errorf("%s covers %s: %v", c.a, c.b, got)
		}
	}
	got := jetstream.Essential([]string{"a.b", "a.*", "b", "a.*", "a.>", "b"})
	if !slices.Equal(got, []string{"b", "a.>"}) {
		t.Errorf("essential: %v", got)
	}
}

func TestReadMeta(t *testing.T) {
	t.Parallel()
	for reply, ok := range map[string]bool{
		"$JS.ACK.S.c.1.7.3.1700000000000000001.9":            true,
		"$JS.ACK.dom.hash.S.c.1.7.3.1700000000000000001.9":   true,
		"$JS.ACK._.hash.S.c.1.7.3.1700000000000000001.9.rnd": true,
		"$JS.ACK.S.c.1.7.3.1700000000000000001":              false,
		"$JS.ACK.S.c.1.7.x.1700000000000000001.9":            false,
		"$JS.NAK.S.c.1.7.3.1700000000000000001.9":            false,
		"_INBOX.x": false,
		"":         false,
	} {
		seq, nth, at, pending, got := jetstream.ReadMeta(reply)
		if got != ok || ok && (seq != 7 || nth != 3 || at != 1700000000000000001 || pending != 9) {
			t.Errorf("%q: %d %d %d %d %v", reply, seq, nth, at, pending, got)
		}
	}
}

func FuzzReadMeta(f *testing.F) {
	f.Add("$JS.ACK.S.c.1.7.3.1700000000000000001.9")
	f.Add("$JS.ACK.dom.hash.S.c.1.7.3.1700000000000000001.9.x.y.z.a.b.c.d")
	f.Fuzz(func(t *testing.T, reply string) {
		if _, _, at, _, ok := jetstream.ReadMeta(reply); ok && at < 0 {
			t.Errorf("time %d", at)
		}
	})
}

// What the plain reader takes, encoding/json reads alike.
func FuzzPlainAck(f *testing.F) {
	f.Add([]byte(`{"stream":"S","seq":7}`))
	f.Add([]byte(`{"stream":"S", "seq":7}`))
	f.Add([]byte("{\"stream\":\"\x92\",\"seq\":0}"))
	f.Add([]byte(`{"stream":"S","seq":7,"duplicate": true}`))
	f.Add([]byte(`{"error":{"code":503,"err_code":10077,"description":"maximum bytes exceeded"},"stream":"S","seq":0}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		stream, seq, ok := jetstream.PlainAck(data)
		if !ok {
			return
		}
		var want struct {
			Stream string
			Seq    uint64
		}
		if err := json.Unmarshal(data, &want); err == nil && (want.Stream != stream || want.Seq != seq) {
			t.Errorf("%q read as %q %d, is %q %d", data, stream, seq, want.Stream, want.Seq)
		}
	})
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
