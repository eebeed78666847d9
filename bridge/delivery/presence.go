package delivery

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"
)

// A Presence is what a replica says of itself now and then. Others hear of it through the journal;
// nothing that is delivered depends on it.
type Presence struct {
	Replica string    `json:"replica"` // its host, and its process there
	At      time.Time `json:"at"`
	Keys    []string  `json:"keys"`           // ids of the seal keys that it has, newest first
	Left    bool      `json:"left,omitempty"` // it has stopped
}

// presenceMark is a note's to versions that know no presence: they pass it over.
var presenceMark = []byte(`{"note":{"replica":`)

// AppendPresence writes one behind what a batch of the journal holds, as a line.
func AppendPresence(b []byte, p Presence) []byte {
	line, _ := json.Marshal(p) // strings and times always marshal
	return append(append(append(b, noteMark...), line...), "}\n"...)
}

// DecodePresences hands over those of a batch of the journal, in order.
func DecodePresences(data []byte, each func(Presence)) error {
	if !bytes.Contains(data, presenceMark) {
		return nil
	}
	return lines(data, func(line []byte) error {
		if !bytes.HasPrefix(line, presenceMark) {
			return nil
		}
		var p struct{ Note Presence }
		if err := json.Unmarshal(line, &p); err != nil {
			return fmt.Errorf("decode a presence of the journal: %w", err)
		}
		each(p.Note)
		return nil
	})
}
