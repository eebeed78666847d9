package link_test

import (
	"encoding/json"
	"testing"

	"github.com/hookspan/hookspan/sinks/jetstream/link"
)

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
		seq, nth, at, pending, got := link.ReadMeta(reply)
		if got != ok || ok && (seq != 7 || nth != 3 || at != 1700000000000000001 || pending != 9) {
			t.Errorf("%q: %d %d %d %d %v", reply, seq, nth, at, pending, got)
		}
	}
}

func FuzzReadMeta(f *testing.F) {
	f.Add("$JS.ACK.S.c.1.7.3.1700000000000000001.9")
	f.Add("$JS.ACK.dom.hash.S.c.1.7.3.1700000000000000001.9.x.y.z.a.b.c.d")
	f.Fuzz(func(t *testing.T, reply string) {
		if _, _, at, _, ok := link.ReadMeta(reply); ok && at < 0 {
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
		stream, seq, ok := link.PlainAck(data)
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
