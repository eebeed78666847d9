package bus

import (
	"math"
	"sync"
	"sync/atomic"
	"time"
)

// A Term is the time for which a process has its leases. Whoever keeps it alive renews it;
// once it has run out it is over for good, because what was held may be somebody else's since.
// It is counted by this process's monotonic clock and is safe for concurrent use.
type Term struct {
	length time.Duration
	begin  time.Time
	until  atomic.Int64  // nanoseconds after begin
	over   chan struct{} // closed, under mu, when it is over

	mu    sync.Mutex
	timer *time.Timer
}

// NewTerm begins a term that lasts for length after sent, the time just before what began it
// was sent.
func NewTerm(length time.Duration, sent time.Time) *Term {
	t := &Term{length: length, begin: sent, over: make(chan struct{})}
	t.until.Store(int64(length))
	t.mu.Lock()
	defer t.mu.Unlock()
	t.timer = time.AfterFunc(t.left(), t.look)
	return t
}

// Renew makes the term last for its length after sent, the time just before a renewal was sent
// that has been granted since. It reports false when the term is over: what was granted is of
// no use then.
func (t *Term) Renew(sent time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.ended() {
		return false
	}
	if until := int64(sent.Add(t.length).Sub(t.begin)); until > t.until.Load() {
		t.until.Store(until)
		t.timer.Reset(t.left())
	}
	return true
}

// Holds reports whether the term still lasts.
func (t *Term) Holds() bool { return t.left() > 0 }

// Over is closed when the term is over.
func (t *Term) Over() <-chan struct{} { return t.over }

// End ends the term at once.
func (t *Term) End() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.until.Store(math.MinInt64 / 2)
	t.ended()
}

// look closes over if the time is up.
func (t *Term) look() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.ended() {
		t.timer.Reset(t.left())
	}
}

// ended reports, under mu, whether the term is over, and makes it so when its time is up.
func (t *Term) ended() bool {
	select {
	case <-t.over:
		return true
	default:
	}
	if t.Holds() {
		return false
	}
	t.timer.Stop()
	close(t.over)
	return true
}

func (t *Term) left() time.Duration { return time.Duration(t.until.Load()) - time.Since(t.begin) }
