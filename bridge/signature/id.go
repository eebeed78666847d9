package signature

import (
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
)

// MessageID is the webhook-id of an event: "msg_" and 32 letters and digits, a hash of what
// identifies the event. It is the same on every attempt, to every endpoint, after any
// restart.
func MessageID(source, id string) string {
	var space [256]byte
	// The length keeps ("a", "bc") apart from ("ab", "c").
	text := binary.BigEndian.AppendUint64(space[:0], uint64(len(source)))
	text = append(append(text, source...), id...)
	return identify(text)
}

// BatchID is the webhook-id of a batch, a hash of its members' ids in their order.
func BatchID(members []string) string {
	text := []byte("batch") // what MessageID hashes begins with a length, never with this
	for _, id := range members {
		text = binary.BigEndian.AppendUint64(text, uint64(len(id)))
		text = append(text, id...)
	}
	return identify(text)
}

var lowerBase32 = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567")

func identify(text []byte) string {
	sum := sha256.Sum256(text)
	var out [36]byte
	copy(out[:], "msg_")
	lowerBase32.Encode(out[4:], sum[:20])
	return string(out[:])
}
