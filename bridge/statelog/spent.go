package statelog

import "maps"

// Spent is what an endpoint has used up of its attempts_limit, in slots of time; the zero value is an
// endpoint without a limit.
type Spent struct {
	Width int64   `json:"w,omitempty"` // of a slot, ns
	Slots []int64 `json:"s,omitempty"` // in pairs: how many slots after the one before (the first after 0 unix time) it ends, and the attempts in it
	Ahead int     `json:"a,omitempty"` // attempts that may begin before the next delta is in the log: they count as made
}

// applySpent takes in what a delta says.
func (s *State) applySpent(changes map[string]Spent) {
	if len(changes) == 0 {
		return
	}
	if s.Spent = maps.Clone(s.Spent); s.Spent == nil {
		s.Spent = map[string]Spent{}
	}
	for ep, spent := range changes {
		if s.Spent[ep] = spent; spent.Width == 0 {
			delete(s.Spent, ep)
		}
	}
}
