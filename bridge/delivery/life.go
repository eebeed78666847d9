package delivery

import (
	"math"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
)

// A Life is what bounds how long an event is of use. Times are Unix nanoseconds, 0 for none.
type Life struct {
	Stored int64 `json:"st,omitempty"` // when the bus stored the event
	Expiry int64 `json:"x,omitempty"`  // from when on it is of no use, as it says itself
}

// Why a life ends, in words.
const (
	tooOld  = "the event is older than the endpoint's max_age"
	outdate = "the event's expirytime has passed"
)

// LifeOf is that of a message's event; nil where nothing bounds it.
func LifeOf(m *bus.Message, maxAge time.Duration) *Life {
	expiry := nanos(m.Event.Expiry())
	if expiry == 0 && maxAge == 0 {
		return nil
	}
	return &Life{Stored: nanos(m.Stored), Expiry: expiry}
}

// nanos is a time as it is kept: none is 0, and one that has no such number is the nearest.
func nanos(t time.Time) int64 {
	switch {
	case t.IsZero():
		return 0
	case t.Year() < 1971:
		return 1
	case t.Year() > 2261:
		return math.MaxInt64
	}
	return t.UnixNano()
}

// Ends is when the life is over for an endpoint that takes events up to an age, 0 for any; and why.
// 0 is never.
func (l *Life) Ends(maxAge time.Duration) (at int64, why string) {
	if l == nil {
		return 0, ""
	}
	if l.Expiry != 0 {
		at, why = l.Expiry, outdate
	}
	if maxAge > 0 && l.Stored != 0 {
		if old := l.Stored + int64(maxAge); at == 0 || old < at {
			at, why = old, tooOld
		}
	}
	return at, why
}

// Ends is when a delivery ends, whatever it waits for, and why; 0 is never. What an operator has
// asked for is tried once more at any age, and what is replayed as often as the schedule says.
func (e *Entry) Ends(maxAge time.Duration) (at int64, why string) {
	if e.Asked || e.Replay != "" {
		return 0, ""
	}
	if e.Life == nil && maxAge > 0 { // from before there was an age: the event itself tells more, once it is read
		return (&Life{Stored: nanos(e.Created)}).Ends(maxAge)
	}
	return e.Life.Ends(maxAge)
}
