package delivery

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
)

// A Note is what an endpoint's owner says of its lane. Others hear of it through the journal,
// within a second or two where something changed; nothing that is delivered depends on it.
type Note struct {
	Endpoint string    `json:"e"` // or what ShardNote returns
	At       time.Time `json:"at"`

	Behind *Behind   `json:"b,omitempty"` // nil: fed live
	Held   time.Time `json:"h,omitzero"`  // nothing is sent before
	HeldBy HeldBy    `json:"hb,omitempty"`

	Breaker *Breaker `json:"br,omitempty"` // nil: closed

	// Waits says why what lies in the lane is not attempted; "" while nothing does for long.
	Waits Cause     `json:"w,omitempty"`
	Until time.Time `json:"u,omitzero"`

	Queued  int64    `json:"q,omitempty"`   // how many wait for their first attempt, where they do for long
	Running []string `json:"run,omitempty"` // deliveries whose attempt takes long
	// Before is the place in front of the oldest event in the lane that is not finished, Reached
	// where an endpoint that is not fed live has been brought to.
	Before  bus.Positions `json:"f,omitempty"`
	Reached bus.Positions `json:"p,omitempty"`

	// Of a shard: since when its owner tells of it, and where its feed has come to. What was said of its
	// endpoints before is of another owner.
	Taken time.Time     `json:"t,omitzero"`
	Read  bus.Positions `json:"l,omitempty"`
}

// ShardNote stands for an endpoint in the note about a whole shard.
func ShardNote(shard int) string { return "shard_" + strconv.Itoa(shard) }

// Empty: the lane just delivers.
func (n Note) Empty() bool {
	return n.Behind == nil && n.Held.IsZero() && n.Breaker == nil && n.Waits == "" && len(n.Running) == 0
}

// Behind says what readers have still to bring to an endpoint.
type Behind struct {
	Since  time.Time `json:"since,omitzero"`  // when it left the live feed, or was given a past, as far as known
	Oldest time.Time `json:"oldest,omitzero"` // when the next event that a reader will meet was stored, as far as known
	Events int64     `json:"events"`          // that are for it; with About, how many its readers have to look through
	About  bool      `json:"about,omitempty"`
}

// HeldBy says what holds an endpoint; a closed set.
type HeldBy string

const (
	HeldByRetryAfter HeldBy = "retry_after" // it said until when
	HeldBySlowing    HeldBy = "slow_down"   // it said that it is too much, and not until when
)

var noteMark = []byte(`{"note":`)

// AppendNotes writes notes behind the attempts of a batch, a line each.
func AppendNotes(b []byte, notes []Note) []byte {
	for i := range notes {
		line, _ := json.Marshal(&notes[i]) // strings, numbers and times always marshal
		b = append(append(append(b, noteMark...), line...), "}\n"...)
	}
	return b
}

// DecodeNotes hands over the notes of a batch of the journal, in order.
func DecodeNotes(data []byte, each func(Note)) error {
	if !bytes.Contains(data, noteMark) {
		return nil
	}
	return lines(data, func(line []byte) error {
		if !bytes.HasPrefix(line, noteMark) || bytes.HasPrefix(line, presenceMark) {
			return nil
		}
		var n struct{ Note Note }
		if err := json.Unmarshal(line, &n); err != nil {
			return fmt.Errorf("decode a note of the journal: %w", err)
		}
		each(n.Note)
		return nil
	})
}
