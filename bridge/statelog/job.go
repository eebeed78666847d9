package statelog

import (
	"maps"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/delivery"
)

// A Job is a replay as its owner knows it. It is replaced and never changed.
type Job struct {
	delivery.Replay
	State  delivery.ReplayState `json:"state"`
	Ranges map[string]Range     `json:"ranges,omitempty"` // by partition: what is still to be fed of its stretches
	Named  int                  `json:"named,omitempty"`  // of the listed deliveries, those that commands have named
	Sent   int64                `json:"sent,omitempty"`   // deliveries that ended with success, and that no successor hears of again
	Failed int64                `json:"failed,omitempty"` // and those that ended without
	Ended  time.Time            `json:"ended,omitzero"`
	Told   bool                 `json:"told,omitempty"` // operators were told that it has ended
}

// Equal reports whether two of the same id say the same.
func (j *Job) Equal(o *Job) bool {
	return j.State == o.State && j.Named == o.Named && j.Sent == o.Sent && j.Failed == o.Failed && j.Ended.Equal(o.Ended) && j.Told == o.Told &&
		maps.EqualFunc(j.Ranges, o.Ranges, func(a, b Range) bool { return a.From == b.From && samePlace(a.To, b.To) })
}

// moved is the job with its places of a partition where to puts them; a range of an earlier
// incarnation is void.
func (j *Job) moved(p bus.Partition, to func(bus.Position) (bus.Position, bool)) *Job {
	r, ok := j.Ranges[string(p)]
	if !ok {
		return j
	}
	next := *j
	next.Ranges = maps.Clone(j.Ranges)
	delete(next.Ranges, string(p))
	if from, same := to(r.From); same && r.To != nil {
		end, _ := to(*r.To)
		next.Ranges[string(p)] = Range{From: from, To: &end}
	}
	return &next
}
