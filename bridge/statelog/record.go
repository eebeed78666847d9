package statelog

import (
	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/delivery"
)

// Version is the format of a shard's state records.
const Version = 1

// Kind tells the records of a state log apart.
type Kind string

// The kinds of records.
const (
	Claim Kind = "claim"
	Delta Kind = "delta"
	Begin Kind = "begin"
	Chunk Kind = "chunk"
	End   Kind = "end"
)

// A Record is one record of a shard's state log. A delta names what changed; a begin names
// all of the same fields as they were.
type Record struct {
	Version int  `json:"v"`
	Kind    Kind `json:"k"`

	Put       []*delivery.Entry          `json:"put,omitempty"`    // delta, chunk; not changed any more
	Remove    []string                   `json:"rem,omitempty"`    // delta: delivery ids
	Positions bus.Positions              `json:"pos,omitempty"`    // of the live feed; merged, those not named stay
	Feeds     map[string]map[string]Feed `json:"feeds,omitempty"`  // endpoint, partition; a default feed removes the entry
	Failing   map[string]int64           `json:"fail,omitempty"`   // endpoint: fails since, unix ns; 0 ends it
	Held      map[string]Hold            `json:"held,omitempty"`   // endpoint: as a difference, too
	Spent     map[string]Spent           `json:"spent,omitempty"`  // endpoint: as a difference, too
	Breakers  map[string]Breaker         `json:"brk,omitempty"`    // endpoint: as a difference, too; who does not know them begins with closed ones
	Jobs      map[string]*Job            `json:"jobs,omitempty"`   // replays by id: as a difference, too; null removes one
	Revision  int64                      `json:"rev,omitempty"`    // of the registry, as taken up by the lanes
	Journal   int64                      `json:"jrn,omitempty"`    // read the journal after this place
	Commands  int64                      `json:"cmd,omitempty"`    // the last command acted on
	HandOver  bool                       `json:"handed,omitempty"` // nothing runs any more

	Begin  int64 `json:"begin,omitempty"`  // chunk, end: position of their begin
	Chunks int   `json:"chunks,omitempty"` // end: how many there are
}
