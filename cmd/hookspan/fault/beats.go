package fault

import (
	"slices"
	"sync"
	"time"
)

// Beats are the times of something that ought to happen again and again. The zero value has
// none. Its methods may be called from any goroutine.
type Beats struct {
	mu sync.Mutex
	at []time.Time
}

// Add notes that it happened.
func (b *Beats) Add(at time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.at = append(b.at, at)
}

// Gap is the longest time without a beat, of those that reach into the time between from and
// to. Where the first or the last beat is missing, from or to stands for it.
func (b *Beats) Gap(from, to time.Time) (gap time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	slices.SortFunc(b.at, time.Time.Compare) // nearly sorted already
	last := from
	for _, at := range b.at {
		if at.After(from) {
			gap = max(gap, at.Sub(last))
		}
		if last = at; at.After(to) {
			return gap
		}
	}
	return max(gap, to.Sub(last))
}

// Last is the newest beat; zero without any.
func (b *Beats) Last() (last time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, at := range b.at[max(0, len(b.at)-lookBack):] {
		if at.After(last) {
			last = at
		}
	}
	return last
}

// lookBack is how far beats may be out of order.
const lookBack = 100
