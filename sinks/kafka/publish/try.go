package publish

import (
	"crypto/sha256"
	"encoding/binary"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// A try is one process's publish of a key whose fate others may have to know.
type try struct {
	tryID
	key   string
	topic string
	began time.Time
	sum   [16]byte // of the record
	// flying: the record may have been sent. Else the try waits for its turn.
	flying    bool
	partition int32 // where the record goes; -1 until that is known
}

// A tryID names a try and the process that made it.
type tryID struct{ process, number uint64 }

// sumOf tells records apart: two with the same sum hold the same event.
func sumOf(r *kgo.Record) (sum [16]byte) {
	h := sha256.New()
	var size [8]byte
	add := func(b []byte) {
		h.Write(binary.BigEndian.AppendUint64(size[:0], uint64(len(b))))
		h.Write(b)
	}
	for i := range r.Headers {
		add([]byte(r.Headers[i].Key))
		add(r.Headers[i].Value)
	}
	add(r.Value)
	copy(sum[:], h.Sum(nil))
	return sum
}
