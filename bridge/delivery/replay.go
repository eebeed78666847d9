package delivery

import (
	"encoding/json"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
)

// A Replay sends events to an endpoint again, or for the first time: those of a history, or those of
// deliveries that are listed. Whoever owns the endpoint's shard does it.
type Replay struct {
	ID       string    `json:"id"`
	Endpoint string    `json:"ep"` // id
	Created  time.Time `json:"at"`
	// Stretches are what is read of the topics, by partition. Without any the deliveries are listed.
	Stretches map[bus.Partition]Stretch `json:"str,omitempty"`
	Topic     string                    `json:"top,omitempty"` // only what lies on it; "": all that are followed
	// Filters, as JSON, are instead of the endpoint's own, and of its types; none: those hold.
	Filters json.RawMessage `json:"flt,omitempty"`
	Listed  int             `json:"lst,omitempty"`  // how many deliveries the commands behind name
	Rate    string          `json:"rate,omitempty"` // of its attempts, beside the endpoint's own limits; "" for none
	NewID   bool            `json:"nid,omitempty"`  // the receiver is to take them for other events
}

// A Stretch is what lies in (From, To] of a partition.
type Stretch struct {
	From bus.Position `json:"a"`
	To   bus.Position `json:"b"`
}

// ReplayState is where a replay stands; a closed set.
type ReplayState string

const (
	ReplayCounting  ReplayState = "counting" // a dry run that has not seen everything yet
	ReplayRunning   ReplayState = "running"
	ReplayPaused    ReplayState = "paused"
	ReplayDone      ReplayState = "done" // all that it took have ended
	ReplayCancelled ReplayState = "cancelled"
)

// Over: nothing follows any more.
func (s ReplayState) Over() bool { return s == ReplayDone || s == ReplayCancelled }

// A ReplayStanding is how far a replay is.
type ReplayStanding struct {
	Replay
	State   ReplayState
	Matched int64 // deliveries that it has made so far; of a list all that are in it
	Sent    int64 // of them, those that were delivered
	Failed  int64 // and those that ended without success
	Left    int64 // sequences of topics that are still to be read
	Ended   time.Time
}

// ReplayStates lists the closed set.
func ReplayStates() []ReplayState {
	return []ReplayState{ReplayCounting, ReplayRunning, ReplayPaused, ReplayDone, ReplayCancelled}
}
