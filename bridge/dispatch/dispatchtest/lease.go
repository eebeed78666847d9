package dispatchtest

import (
	"context"
	"slices"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
)

// A Lease is what a seat is given for a shard; it is a bus.Lease.
type Lease struct {
	seat  *Seat
	shard int
	since time.Time       // it was given
	taken chan struct{}   // closed when the holder has heard of it
	ctx   context.Context // until it ends
	end   context.CancelFunc

	// Guarded by the lock of seat.ls.
	lapsed time.Time     // since when it does not hold by the holder's clock; zero while it does
	ended  bool          // somebody else can have the shard
	inTime bool          // it ended because it was given
	given  chan struct{} // closed when the holder has given it; nil before it is asked
}

// Seat is whose it is or was.
func (l *Lease) Seat() *Seat { return l.seat }

// Since is when it was given.
func (l *Lease) Since() time.Time { return l.since }

// Holds implements bus.Lease.
func (l *Lease) Holds() bool { return l.Lapsed().IsZero() }

// Lapsed is since when the lease does not hold; zero while it does.
func (l *Lease) Lapsed() time.Time {
	l.seat.ls.mu.Lock()
	defer l.seat.ls.mu.Unlock()
	return l.lapsed
}

// Ended reports whether somebody else can have the shard.
func (l *Lease) Ended() bool {
	l.seat.ls.mu.Lock()
	defer l.seat.ls.mu.Unlock()
	return l.ended
}

// PresumedDead reports whether the lease ended without having been given: what was begun under
// it may go on.
func (l *Lease) PresumedDead() bool {
	if l.seat.client.Dead() {
		return true
	}
	l.seat.ls.mu.Lock()
	defer l.seat.ls.mu.Unlock()
	return l.ended && !l.inTime
}

// Give is Leases.Give for this lease.
func (l *Lease) Give() bool {
	<-l.taken
	ls := l.seat.ls
	ls.mu.Lock()
	if given := l.given; given != nil {
		ls.mu.Unlock()
		<-given
		return false
	}
	l.given = make(chan struct{})
	defer close(l.given)
	ls.mu.Unlock()
	l.seat.member.Give(l.ctx, l.shard)
	ls.mu.Lock()
	defer ls.mu.Unlock()
	l.inTime = !l.ended
	l.over()
	l.said()
	return l.inTime
}

func (l *Lease) tell() {
	<-l.taken
	ls := l.seat.ls
	ls.mu.Lock()
	l.over()
	said, given := !slices.Contains(l.seat.unsaid, l), l.given
	if given == nil {
		l.said()
	}
	ls.mu.Unlock()
	switch {
	case given != nil: // Give returns because the lease has ended
		<-given
	case !said:
		l.seat.member.Lose(l.shard)
	}
}

// over ends the lease. The caller holds the lock.
func (l *Lease) over() {
	l.ended = true
	if l.lapsed.IsZero() {
		l.lapsed = time.Now()
	}
	l.end()
	if l.seat.ls.held[l.shard] == l {
		delete(l.seat.ls.held, l.shard)
	}
}

// said: the holder has nothing more to hear about it. The caller holds the lock.
func (l *Lease) said() {
	l.seat.unsaid = slices.DeleteFunc(l.seat.unsaid, func(x *Lease) bool { return x == l })
}

var _ bus.Lease = (*Lease)(nil)
