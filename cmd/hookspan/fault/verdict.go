package fault

import (
	"fmt"
	"slices"
	"time"
)

// A Verdict is what an oracle has to say in the end.
type Verdict struct {
	Accepted   int `json:"accepted"`   // events that were acknowledged
	Unknown    int `json:"unknown"`    // events that were sent and never acknowledged
	Owed       int `json:"owed"`       // acknowledged events times the endpoints that they were for
	Lost       int `json:"lost"`       // of these, those that never arrived
	Duplicates int `json:"duplicates"` // successes after a success
	// Unexcused are duplicates without a kill in between.
	Unexcused int `json:"unexcused"`
	// OldestRepeat is how long before a kill the oldest success was that was repeated after it.
	OldestRepeat Milliseconds `json:"oldest_repeat_ms"`

	Missing []string `json:"-"` // the first few that were lost, in words
	Faults  []string `json:"-"` // what must never happen, in words
}

// Verdict sums up. It is final when nothing is on its way any more.
func (o *Oracle) Verdict() Verdict {
	o.mu.Lock()
	defer o.mu.Unlock()
	v := Verdict{Duplicates: len(o.repeats), Faults: slices.Clone(o.faults)}
	for _, p := range o.promises {
		if p.accepted.IsZero() {
			v.Unknown++
			continue
		}
		v.Accepted++
		for _, l := range o.endpoints {
			if p.begun.After(l.since) {
				v.Owed++
			}
		}
	}
	o.missing(func(endpoint string, k Key, p *promise) {
		if v.Lost++; len(v.Missing) < keptFaults {
			v.Missing = append(v.Missing, fmt.Sprintf("%s never got %s, acknowledged at %s", endpoint, k, p.accepted.Format("15:04:05.000")))
		}
	})
	for _, r := range o.repeats {
		kill, ok := o.killBetween(r.first, r.again)
		if !ok {
			v.Unexcused++
			continue
		}
		v.OldestRepeat = max(v.OldestRepeat, Milliseconds(kill.Sub(r.first)))
	}
	return v
}

// killBetween is the first kill after one time and before another: the one that a repeat is
// due to.
func (o *Oracle) killBetween(first, again time.Time) (time.Time, bool) {
	for _, kill := range o.kills {
		if kill.After(first) && kill.Before(again) {
			return kill, true
		}
	}
	return time.Time{}, false
}
