package fault

import (
	"slices"
	"sync"
	"time"
)

// A Meter watches what is asked of one endpoint: how many requests at once, and how many in
// any stretch of time. The zero value has seen none. Its methods may be called from any
// goroutine.
type Meter struct {
	mu       sync.Mutex
	requests []*stay
}

// A stay is one request; it runs as long as its end is zero.
type stay struct{ begin, end time.Time }

// Begin notes a request, which runs until end is called.
func (m *Meter) Begin() (end func()) {
	s := &stay{begin: time.Now()}
	m.mu.Lock()
	m.requests = append(m.requests, s)
	m.mu.Unlock()
	return func() {
		m.mu.Lock()
		s.end = time.Now()
		m.mu.Unlock()
	}
}

// Peak is how many of the requests that began between from and to ran at once at the most,
// with those that ran already.
func (m *Meter) Peak(from, to time.Time) (peak int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	type step struct {
		at time.Time
		by int
	}
	var steps []step
	for _, s := range m.requests {
		steps = append(steps, step{s.begin, 1})
		if !s.end.IsZero() {
			steps = append(steps, step{s.end, -1})
		}
	}
	slices.SortStableFunc(steps, func(a, b step) int {
		if c := a.at.Compare(b.at); c != 0 {
			return c
		}
		return a.by - b.by // who goes makes room for who comes
	})
	running := 0
	for _, s := range steps {
		running += s.by
		if s.by > 0 && !s.at.Before(from) && !s.at.After(to) {
			peak = max(peak, running)
		}
	}
	return peak
}

// Rate is how many requests a second began between from and to.
func (m *Meter) Rate(from, to time.Time) float64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := 0
	for _, s := range m.requests {
		if !s.begin.Before(from) && !s.begin.After(to) {
			n++
		}
	}
	return float64(n) / to.Sub(from).Seconds()
}

// A Stretch is some time and how many requests began in it.
type Stretch struct {
	From, To time.Time
	Requests int
	Excess   float64 // by how many more than the rate allows; 1 is what even spacing gives
}

// Worst is the stretch of time between from and to, of whatever length, in which the requests
// were furthest beyond a rate.
func (m *Meter) Worst(perSecond float64, from, to time.Time) (worst Stretch) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var times []time.Time
	for _, s := range m.requests {
		if !s.begin.Before(from) && !s.begin.After(to) {
			times = append(times, s.begin)
		}
	}
	slices.SortFunc(times, time.Time.Compare)
	first, least := 0, 0.0 // where requests were least ahead of the rate so far, and by how many
	for i, at := range times {
		ahead := float64(i) - perSecond*at.Sub(times[0]).Seconds()
		if ahead < least {
			first, least = i, ahead
		}
		if excess := ahead + 1 - least; excess > worst.Excess {
			worst = Stretch{times[first], at, i - first + 1, excess}
		}
	}
	return worst
}
