package dispatchtest

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
)

// Leases share the shards of a Store out among processes, as a test says: nothing moves by
// itself, and the holder of a lease that ran out hears of it when the test tells it, as a
// process would that was stopped for a while. It is safe for concurrent use.
type Leases struct {
	mu   sync.Mutex
	held map[int]*Lease // that have not ended, by shard
}

// NewLeases returns a service that nobody has joined.
func NewLeases() *Leases { return &Leases{held: map[int]*Lease{}} }

// A Seat is one process's part in the sharing; it is a bus.Leases.
type Seat struct {
	ls     *Leases
	client *Client
	joined chan struct{} // closed by Join
	member bus.Member

	// Guarded by the lock of ls.
	left   bool
	unsaid []*Lease       // that were neither given nor said to be lost
	last   map[int]*Lease // by shard
}

// Seat is for the process of a client. One that was killed gives nothing back.
func (ls *Leases) Seat(c *Client) *Seat {
	return &Seat{ls: ls, client: c, joined: make(chan struct{}), last: map[int]*Lease{}}
}

// Join implements bus.Leases, once.
func (s *Seat) Join(ctx context.Context, _ int, m bus.Member) error {
	s.member = m
	close(s.joined)
	<-ctx.Done()
	s.ls.mu.Lock()
	s.left = true
	unsaid := slices.Clone(s.unsaid)
	s.ls.mu.Unlock()
	var giving sync.WaitGroup
	for _, l := range unsaid {
		giving.Go(func() {
			if s.client.Dead() || l.Ended() {
				l.tell()
			} else {
				l.Give()
			}
		})
	}
	giving.Wait()
	return nil
}

// Take leases a shard to a seat that has joined, or will; false when somebody holds it or the
// seat has left. What the seat has not heard of an earlier lease, it hears first.
func (ls *Leases) Take(shard int, s *Seat) bool {
	<-s.joined
	ls.mu.Lock()
	if ls.held[shard] != nil || s.left {
		ls.mu.Unlock()
		return false
	}
	l := &Lease{seat: s, shard: shard, since: time.Now(), taken: make(chan struct{})}
	l.ctx, l.end = context.WithCancel(context.Background())
	before := s.last[shard]
	ls.held[shard], s.last[shard] = l, l
	s.unsaid = append(s.unsaid, l)
	ls.mu.Unlock()
	if before != nil {
		before.tell()
	}
	s.member.Take(shard, l)
	close(l.taken)
	return true
}

// Give asks the holder for a shard and waits until it is given back; false when the lease ran
// out meanwhile, or nobody held it.
func (ls *Leases) Give(shard int) bool {
	l := ls.Lease(shard)
	return l != nil && l.Give()
}

// Lapse makes a shard's lease hold no more by its holder's clock; nobody else can have it.
func (ls *Leases) Lapse(shard int) {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	if l := ls.held[shard]; l != nil && l.lapsed.IsZero() {
		l.lapsed = time.Now()
	}
}

// Renew makes a lease hold again that has lapsed and not ended.
func (ls *Leases) Renew(shard int) {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	if l := ls.held[shard]; l != nil {
		l.lapsed = time.Time{}
	}
}

// Expire ends a shard's lease. Its holder, if it is alive, does not hear of it before Tell.
func (ls *Leases) Expire(shard int) {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	if l := ls.held[shard]; l != nil {
		l.over()
	}
}

// Tell lets a seat know of all its leases that have run out.
func (s *Seat) Tell() {
	s.ls.mu.Lock()
	ended := slices.DeleteFunc(slices.Clone(s.unsaid), func(l *Lease) bool { return !l.ended })
	s.ls.mu.Unlock()
	for _, l := range ended {
		l.tell()
	}
}

// Lease is that of a shard, nil while nobody holds it.
func (ls *Leases) Lease(shard int) *Lease {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	return ls.held[shard]
}

// Lease is the newest one that the seat had of a shard, nil without one.
func (s *Seat) Lease(shard int) *Lease {
	s.ls.mu.Lock()
	defer s.ls.mu.Unlock()
	return s.last[shard]
}

var _ bus.Leases = (*Seat)(nil)
