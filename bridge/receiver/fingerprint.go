package receiver

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"time"

	"github.com/hookspan/hookspan/bridge/event"
	"github.com/hookspan/hookspan/bridge/scheme"
)

// A fingerprint stands for the identity of an event: a base, the CloudEvents source and the id.
// The base is the topic that its source writes to, so that one sender, who may choose ids and
// even a CloudEvents source, cannot make another sender's events look repeated; what is not told
// by topic and id has a base of its own (claim.go).
type fingerprint struct{ hi, lo uint64 }

// identify is the first half of a SHA-256 over the three parts, each behind its length. It has
// no secret key, so that every replica gets the same; who looks for two ids that collide can
// only drop an event of their own.
func identify(base, source, id string) fingerprint {
	var room [256]byte
	in := room[:0]
	for _, part := range [...]string{base, source, id} {
		in = binary.AppendUvarint(in, uint64(len(part)))
		in = append(in, part...)
	}
	sum := sha256.Sum256(in)
	return fingerprint{hi: binary.BigEndian.Uint64(sum[:]), lo: binary.BigEndian.Uint64(sum[8:])}
}

// shard takes bits that an entry does not store.
func (f fingerprint) shard() int { return int(f.lo >> 58) }

// rest are the bits that an entry stores beside hi.
func (f fingerprint) rest() uint32 { return uint32(f.lo) & restMask }

// tag takes bits that do not choose the slot, and is never 0.
func (f fingerprint) tag() uint8 { return uint8(f.hi>>57) | 0x80 }

const printBytes = 16

func (f fingerprint) append(dst []byte) []byte {
	dst = binary.BigEndian.AppendUint64(dst, f.hi)
	return binary.BigEndian.AppendUint64(dst, f.lo)
}

// bodyMark tells two bodies apart: it is the front of their SHA-256, the same in every process,
// and never 0, which stands for a body that is not known.
func bodyMark(sum [sha256.Size]byte) uint32 { return max(1, binary.BigEndian.Uint32(sum[:])) }

// What is kept on the bus beside an event begins with one of these.
const (
	markFormat      = 1
	markFormatDated = 2 // then come the seconds of when the event was stored first: it was restored
)

// written is what the bus gets beside an event, in one piece of memory. The key names it, so that
// the bus guards against two replicas that publish it at once; another body under the same id is
// another event there too. The mark is what the window has to know of it again: the body, and the
// fingerprints under which it is known.
func written(t *scheme.Texts, body uint32, prints []fingerprint) (key, mark string) {
	var raw [5 + 3*printBytes]byte
	var room [128]byte
	text := base64.RawURLEncoding.AppendEncode(room[:0], binary.BigEndian.AppendUint32(prints[0].append(raw[:0]), body))
	end := len(text)
	known := binary.BigEndian.AppendUint32(append(raw[:0], markFormat), body)
	for _, f := range prints {
		known = f.append(known)
	}
	both := t.Copy(base64.RawURLEncoding.AppendEncode(text, known))
	return both[:end], both[end:]
}

// A mark is what intake wrote beside an event.
type mark struct {
	at     int64 // seconds; 0: as the bus says
	body   uint32
	prints []fingerprint // none: it is known by its id, on the topic where it lies
}

// readMark reads it back; false for what intake did not write.
func readMark(text string) (m mark, ok bool) {
	raw, err := base64.RawURLEncoding.DecodeString(text)
	switch {
	case err != nil || len(raw) == 0:
		return m, false
	case raw[0] == markFormatDated && len(raw) >= 5:
		m.at, raw = int64(binary.BigEndian.Uint32(raw[1:])), raw[4:]
	case raw[0] != markFormat:
		return m, false
	}
	if raw = raw[1:]; len(raw) < 4 || (len(raw)-4)%printBytes != 0 {
		return m, false
	}
	m.body = binary.BigEndian.Uint32(raw)
	for raw = raw[4:]; len(raw) > 0; raw = raw[printBytes:] {
		m.prints = append(m.prints, fingerprint{hi: binary.BigEndian.Uint64(raw), lo: binary.BigEndian.Uint64(raw[8:])})
	}
	return m, true
}

// MarkOf is the mark of an event that somebody else than intake publishes, and that was stored first at
// a time. It says what the event's own mark did; without one it says that the event is known by its id,
// with the data that it has.
func MarkOf(own string, e *event.Event, stored time.Time) string {
	m, ok := readMark(own)
	if !ok {
		m.body = bodyMark(sha256.Sum256(e.Data))
	}
	if m.at == 0 {
		m.at = stored.Unix()
	}
	raw := binary.BigEndian.AppendUint32([]byte{markFormatDated}, uint32(max(m.at, 0)))
	raw = binary.BigEndian.AppendUint32(raw, m.body)
	for _, f := range m.prints {
		raw = f.append(raw)
	}
	return base64.RawURLEncoding.EncodeToString(raw)
}
