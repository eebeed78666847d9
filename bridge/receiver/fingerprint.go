package receiver

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"hash/maphash"
)

// A fingerprint stands for the identity of an event: the topic base that its source writes to,
// the CloudEvents source and the id. The topic base is part of it so that one sender, who may
// choose ids and even a CloudEvents source, cannot make another sender's events look repeated.
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

// tag takes bits that do not choose the slot, and is never 0.
func (f fingerprint) tag() uint8 { return uint8(f.hi>>57) | 0x80 }

// key names the event to the bus, which guards against two replicas that publish it at once.
func (f fingerprint) key() string {
	var raw [16]byte
	binary.BigEndian.PutUint64(raw[:], f.hi)
	binary.BigEndian.PutUint64(raw[8:], f.lo)
	return base64.RawURLEncoding.EncodeToString(raw[:])
}

// bodyMark tells two bodies apart well enough to say that a repeated id came with another one.
// It differs from process to process and is never 0.
func bodyMark(seed maphash.Seed, body []byte) uint32 { return uint32(maphash.Bytes(seed, body)) | 1 }
