package fault

import (
	"encoding/json"
	"slices"
	"strconv"
	"time"
)

// Milliseconds is a duration that reads as a number of milliseconds in JSON.
type Milliseconds time.Duration

// MarshalJSON writes milliseconds with one decimal.
func (m Milliseconds) MarshalJSON() ([]byte, error) {
	return strconv.AppendFloat(nil, float64(m)/float64(time.Millisecond), 'f', 1, 64), nil
}

// A Spread is the middle, the end and the whole of many durations.
type Spread struct {
	P50 Milliseconds `json:"p50_ms"`
	P99 Milliseconds `json:"p99_ms"`
	Max Milliseconds `json:"max_ms"`
}

// SpreadOf sorts what it is given.
func SpreadOf(all []time.Duration) Spread {
	if len(all) == 0 {
		return Spread{}
	}
	slices.Sort(all)
	at := func(share float64) Milliseconds { return Milliseconds(all[int(share*float64(len(all)-1))]) }
	return Spread{at(0.50), at(0.99), at(1)}
}

// Line is the figures of one run as one line of JSON.
func Line(figures any) string {
	b, err := json.Marshal(figures)
	if err != nil {
		return strconv.Quote(err.Error())
	}
	return string(b)
}
