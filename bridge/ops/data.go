package ops

import (
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
)

// AboutEndpoint is in every event about an endpoint.
type AboutEndpoint struct {
	Endpoint string `json:"endpoint"` // its id
	Name     string `json:"name"`
	Reason   string `json:"reason"` // in words
}

// Recovered is the data of EndpointRecovered.
type Recovered struct {
	AboutEndpoint
	Since time.Time `json:"since"` // when the first bad thing was told
}

// Breaker is the data of BreakerOpened and BreakerClosed.
type Breaker struct {
	AboutEndpoint
	Since     time.Time `json:"since"`               // it opened
	NextProbe time.Time `json:"next_probe,omitzero"` // while it is open
}

// Ended is the data of DeliveryExhausted and DeliveryExpired.
type Ended struct {
	Delivery string `json:"delivery"` // its id
	AboutEndpoint
	Attempts int      `json:"attempts"` // that were made
	Event    Original `json:"event"`
}

// An Original is the event that was not delivered.
type Original struct {
	ID      string `json:"id"`
	Source  string `json:"source"`
	Type    string `json:"type"`
	Subject string `json:"subject,omitempty"`
	Topic   string `json:"topic"`
}

// Replay is the data of ReplayFinished.
type Replay struct {
	Replay string `json:"replay"` // its id
	AboutEndpoint
	State   string `json:"state"`   // how it ended
	Matched int64  `json:"matched"` // deliveries that it made
	Sent    int64  `json:"sent"`    // of them, those that were delivered
	Failed  int64  `json:"failed"`  // and those that ended without success
}

// Refusals is the data of SourceRefusals. Nothing in it was chosen by whoever sent the requests.
type Refusals struct {
	Source  string         `json:"source"`
	Count   int            `json:"count"` // of the burst
	Since   time.Time      `json:"since"` // its first one
	Reasons map[string]int `json:"reasons"`
	// Refused is how many there were in all since a burst was last told, this one included.
	Refused int64 `json:"refused"`
}

// Store is the data of StoreNearlyFull, in bytes.
type Store struct {
	Used     int64 `json:"used"`
	Limit    int64 `json:"limit"`
	Reserved int64 `json:"reserved"` // of the limit, for dead letters and operations events
}

// StoreOf is what a bus says of its room.
func StoreOf(r bus.Room) Store { return Store{r.Used, r.Limit, r.Reserved} }
