package jetstream

import "time"

// Pure functions that are tested from outside.
var (
	ReadRecord = readRecord
)

// AppendRecord is appendRecord.
var AppendRecord = appendRecord

// Asks reports whether somebody asks the servers for the health.
func (s *Store) Asks() bool { return len(s.health.turn) == 1 }

// Impatient has a store move away from a server that is cut off for so long.
func (o Options) Impatient(after time.Duration) Options {
	o.cutOffAfter = after
	return o
}
