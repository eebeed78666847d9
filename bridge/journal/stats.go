package journal

import (
	"errors"
	"math"
	"slices"
	"time"
)

// MostIntervals is into how many a time is divided at the most.
const MostIntervals = 1000

// ErrIntervals: the time would be divided into more than MostIntervals.
var ErrIntervals = errors.New("divides the time into more than 1000: give a longer interval or a later since")

// Stats is what became of the deliveries that a query means, by when they ended, and how long their
// endpoints took to answer, by when they did.
type Stats struct {
	Since time.Time `json:"since,omitzero"` // what ended before is not counted, or not known any more
	Figures
	Intervals []Interval `json:"intervals,omitempty"` // those in which something happened, the oldest first
}

// Figures of deliveries. Rates are parts of what was delivered or failed; times are those of attempts
// that were answered, whatever the answer. Where there is none of them it is nil.
type Figures struct {
	Delivered    int      `json:"delivered"`
	Failed       int      `json:"failed"`
	Discarded    int      `json:"discarded"`
	Retried      int      `json:"retried"` // delivered or failed, after more than one attempt
	SuccessRate  *float64 `json:"success_rate"`
	FirstTryRate *float64 `json:"first_try_rate"` // delivered by the first attempt
	Mean         *float64 `json:"mean_ms"`
	P50          *float64 `json:"p50_ms"`
	P95          *float64 `json:"p95_ms"`
	P99          *float64 `json:"p99_ms"`
}

// An Interval is a part of the time, from Start on.
type Interval struct {
	Start time.Time `json:"start"`
	Figures
}

// Stats counts what the index holds and a query means, whose Since and Until are about when deliveries
// ended. An interval of 0 divides nothing.
func (ix *Index) Stats(q Query, interval time.Duration) (Stats, error) {
	t := ix.tally(q, int64(interval))
	if len(t.parts) > MostIntervals {
		return Stats{}, ErrIntervals
	}
	s := Stats{Since: instant(t.from), Figures: t.whole.figures()}
	for at, part := range t.parts {
		s.Intervals = append(s.Intervals, Interval{instant(at * t.step), part.figures()})
	}
	slices.SortFunc(s.Intervals, func(a, b Interval) int { return a.Start.Compare(b.Start) })
	return s, nil
}

// A tally is what happened from a time on, as a whole and by intervals.
type tally struct {
	from, to, step int64
	whole          sample
	parts          map[int64]*sample // by how many steps it lies behind 1970
}

func (ix *Index) tally(q Query, step int64) *tally {
	t := &tally{from: nanos(q.Since), to: nanos(q.Until), step: step, parts: map[int64]*sample{}}
	if t.to == 0 {
		t.to = math.MaxInt64
	}
	q.Since, q.Until = time.Time{}, time.Time{}
	ix.mu.RLock()
	defer ix.mu.RUnlock()
	t.from = max(t.from, ix.knownSince())
	for _, r := range ix.arrived {
		if r.evicted || !q.wants(r) {
			continue
		}
		if r.status != pending {
			t.add(r.next, func(s *sample) { s.end(r) })
		}
		for i := range r.attempts {
			if a := &r.attempts[i]; a.code != 0 {
				t.add(a.received, func(s *sample) { s.took = append(s.took, a.received-a.sent) })
			}
		}
		if len(t.parts) > MostIntervals {
			break
		}
	}
	return t
}

func (t *tally) add(at int64, to func(*sample)) {
	if at < t.from || at >= t.to {
		return
	}
	to(&t.whole)
	if t.step == 0 {
		return
	}
	part := t.parts[at/t.step]
	if part == nil {
		part = &sample{}
		t.parts[at/t.step] = part
	}
	to(part)
}

// knownSince is when the first of those ended that are kept, 0 when none has: what ended before may
// be forgotten.
func (ix *Index) knownSince() int64 {
	for _, e := range ix.ended.items[ix.ended.head:] {
		if e.row.turn == e.turn && e.row.status != pending {
			return e.row.next
		}
	}
	return 0
}

// A sample is what figures are made of.
type sample struct {
	delivered, failed, discarded, retried, first int
	took                                         []int64 // nanoseconds
}

func (s *sample) end(r *row) {
	switch r.status {
	case delivered:
		s.delivered++
		if r.final <= 1 {
			s.first++
		}
	case failed:
		s.failed++
	default:
		s.discarded++
		return
	}
	if r.final > 1 {
		s.retried++
	}
}

func (s *sample) figures() Figures {
	f := Figures{Delivered: s.delivered, Failed: s.failed, Discarded: s.discarded, Retried: s.retried}
	if n := float64(s.delivered + s.failed); n > 0 {
		success, first := float64(s.delivered)/n, float64(s.first)/n
		f.SuccessRate, f.FirstTryRate = &success, &first
	}
	if len(s.took) == 0 {
		return f
	}
	slices.Sort(s.took)
	sum := 0.0
	for _, ns := range s.took {
		sum += float64(ns)
	}
	f.Mean = inMilliseconds(sum / float64(len(s.took)))
	f.P50, f.P95, f.P99 = s.quantile(0.5), s.quantile(0.95), s.quantile(0.99)
	return f
}

// quantile is by nearest rank, of what is sorted.
func (s *sample) quantile(q float64) *float64 {
	rank := int(math.Ceil(q * float64(len(s.took))))
	return inMilliseconds(float64(s.took[rank-1]))
}

func inMilliseconds(ns float64) *float64 {
	ms := milliseconds(time.Duration(ns))
	return &ms
}
