package bus

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
)

// A Holder makes the calls to a Member, for an adapter's Leases, and keeps those about one
// shard in order. Its methods but Changed belong to one goroutine.
type Holder struct {
	member  Member
	changed chan struct{} // the goroutines of Give send, the adapter receives; holds one
	giving  sync.WaitGroup

	mu   sync.Mutex
	held map[int]*holding
}

// A holding is the lease of one shard, until it is given or lost.
type holding struct {
	term   *Term
	gone   atomic.Bool
	giving bool
}

// Holds implements Lease.
func (h *holding) Holds() bool { return !h.gone.Load() && h.term.Holds() }

// NewHolder holds nothing yet.
func NewHolder(m Member) *Holder {
	return &Holder{member: m, changed: make(chan struct{}, 1), held: map[int]*holding{}}
}

// Take hands the shard to the member for as long as the term lasts. The shard must not be
// held.
func (h *Holder) Take(shard int, t *Term) {
	l := &holding{term: t}
	h.mu.Lock()
	h.held[shard] = l
	h.mu.Unlock()
	h.member.Take(shard, l)
}

// Give asks for a shard back, once, and returns at once. The shard is held until the member
// has given it; Changed tells.
func (h *Holder) Give(ctx context.Context, shard int) {
	h.mu.Lock()
	l := h.held[shard]
	asked := l == nil || l.giving
	if !asked {
		l.giving = true
	}
	h.mu.Unlock()
	if asked {
		return
	}
	h.giving.Go(func() {
		ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
		defer cancel()
		go func() {
			select {
			case <-l.term.Over():
				cancel()
			case <-ctx.Done():
			}
		}()
		h.member.Give(ctx, shard)
		l.gone.Store(true)
		h.mu.Lock()
		delete(h.held, shard)
		h.mu.Unlock()
		select {
		case h.changed <- struct{}{}:
		default:
		}
	})
}

// Changed receives after shards have been given.
func (h *Holder) Changed() <-chan struct{} { return h.changed }

// Has reports whether the member has the shard, be it that it is giving it.
func (h *Holder) Has(shard int) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.held[shard] != nil
}

// Shards lists the shards that the member has, those included that it is giving, in order.
func (h *Holder) Shards() []int {
	h.mu.Lock()
	defer h.mu.Unlock()
	shards := make([]int, 0, len(h.held))
	for shard := range h.held {
		shards = append(shards, shard)
	}
	slices.Sort(shards)
	return shards
}

// GiveAll asks for every shard back, side by side.
func (h *Holder) GiveAll(ctx context.Context) {
	for _, shard := range h.Shards() {
		h.Give(ctx, shard)
	}
}

// Lose tells the member that its term is over. What it is giving has its context ended
// instead.
func (h *Holder) Lose() {
	for _, shard := range h.Shards() {
		h.mu.Lock()
		l := h.held[shard]
		lost := l != nil && !l.giving
		if lost {
			delete(h.held, shard)
		}
		h.mu.Unlock()
		if lost {
			l.gone.Store(true)
			h.member.Lose(shard)
		}
	}
}

// Wait returns once every Give has returned.
func (h *Holder) Wait() { h.giving.Wait() }
