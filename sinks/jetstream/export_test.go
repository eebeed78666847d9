package jetstream

import "time"

// Pure functions that are tested from outside.
var (
	Collide    = collide
	Essential  = essential
	CheckTopic = checkTopic
	ReadRecord = readRecord
	Led        = led
)

// AppendRecord is appendRecord.
var AppendRecord = appendRecord

// ReadMeta is readMeta, its fields laid open.
func ReadMeta(reply string) (seq, nth uint64, time int64, pending uint64, ok bool) {
	m, ok := readMeta(reply)
	return m.seq, m.nth, m.time, m.pending, ok
}

// PlainAck is plainAck.
func PlainAck(data []byte) (string, uint64, bool) {
	stream, seq, ok := plainAck(data)
	return string(stream), seq, ok
}

// Asks reports whether somebody asks the servers for the health.
func (s *Store) Asks() bool { return len(s.health.turn) == 1 }

// Impatient has a store move away from a server that is cut off for so long.
func (o Options) Impatient(after time.Duration) Options {
	o.cutOffAfter = after
	return o
}
