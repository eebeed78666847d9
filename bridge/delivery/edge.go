package delivery

import (
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
)

// An Edge is where a replay begins or ends. The zero value is the very end of what is stored.
type Edge struct {
	At    time.Time // what was stored before it lies before the edge
	First bool      // the first event that is kept
	// Topic and Position name an event: the replay begins, or ends, with it. Topic is the name of a
	// partition, or of a topic whose partitions it counts for.
	Topic    string
	Position int64
}

// ErrNoTopic: an edge names no topic that is followed, or one of which it is not clear where it lies.
var ErrNoTopic = errors.New("names no followed topic, or none whose partition is clear")

// Covers reports whether the edge says something about a partition. Of a single partition it does
// whatever its topic: a stream holds all of them.
func (e Edge) Covers(p bus.Partition, spans []bus.Span) bool {
	return e.Topic == "" || e.IsPartition(p) || strings.HasPrefix(string(p), e.Topic+"/") || len(spans) == 1
}

// IsPartition reports whether the edge names this partition.
func (e Edge) IsPartition(p bus.Partition) bool { return string(p) == e.Topic }

// Known reports whether the edge says something about any partition.
func (e Edge) Known(spans []bus.Span) bool {
	return slices.ContainsFunc(spans, func(s bus.Span) bool { return e.Covers(s.Partition, spans) })
}
