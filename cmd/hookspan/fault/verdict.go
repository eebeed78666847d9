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
	// Twice are events that are on the bus twice, where that is allowed.
	Twice int `json:"on_the_bus_twice,omitempty"`
	// Of are the duplicates by endpoint.
	Of map[string]int `json:"duplicates_of,omitempty"`
	// Unexcused are duplicates without a kill in between.
	Unexcused int `json:"unexcused"`
	// OldestRepeat is how long before a kill the oldest success was that was repeated after it.
	OldestRepeat Milliseconds `json:"oldest_repeat_ms"`

	Missing []string `json:"-"` // the first few that were lost, in words
	Repeats []string `json:"-"` // the first few unexcused duplicates, in words
	Faults  []string `json:"-"` // what must never happen, in words
}

const clock = "15:04:05.000"

// Verdict sums up. It is final when nothing is on its way any more.
func (o *Oracle) Verdict() Verdict {
	o.mu.Lock()
	defer o.mu.Unlock()
	v := Verdict{Duplicates: len(o.repeats), Twice: len(o.twice), Of: map[string]int{}, Faults: slices.Clone(o.faults)}
	for k, p := range o.promises {
		if p.accepted.IsZero() {
			v.Unknown++
			continue
		}
		v.Accepted++
		for _, l := range o.endpoints {
			if l.owed(k, p) {
				v.Owed++
			}
		}
	}
	o.missing(func(endpoint string, k Key, p *promise) {
		if v.Lost++; len(v.Missing) < keptFaults {
			v.Missing = append(v.Missing, fmt.Sprintf("%s never got %s, acknowledged at %s", endpoint, k, p.accepted.Format(clock)))
		}
	})
	for _, r := range o.repeats {
		v.Of[r.endpoint]++
		kill, ok := o.excuse(r)
		if !ok {
			if v.Unexcused++; len(v.Repeats) < keptFaults {
				v.Repeats = append(v.Repeats, fmt.Sprintf("%s got %s at %s and again after %v", r.endpoint, r.key, r.first.Format(clock), r.again.Sub(r.first)))
			}
			continue
		}
		v.OldestRepeat = max(v.OldestRepeat, Milliseconds(kill.Sub(r.first)))
	}
	return v
}

// excuse is the kill that a repeat is due to: the first that the connection of the first
// success may have met. A busy endpoint may read a request after its sender was killed.
func (o *Oracle) excuse(r repeat) (time.Time, bool) {
	for _, k := range o.kills {
		if k.to.After(r.connected.Add(-lateEnd)) && k.from.Before(r.again) && k.to.After(r.first.Add(-lateRead)) {
			return k.from, true
		}
	}
	return time.Time{}, false
}

// How late a busy endpoint may read a request, and hear that its sender is gone: sooner than any
// process delivers after its start.
const (
	lateRead = time.Second
	lateEnd  = 100 * time.Millisecond
)

// LostSince lists what is lost of the events that were first sent after a time.
func (o *Oracle) LostSince(t time.Time) []Key {
	o.mu.Lock()
	defer o.mu.Unlock()
	var lost []Key
	o.missing(func(_ string, k Key, p *promise) {
		if p.begun.After(t) {
			lost = append(lost, k)
		}
	})
	return lost
}
