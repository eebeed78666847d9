package webhook

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"github.com/hookspan/hookspan/bridge/delivery"
	"github.com/hookspan/hookspan/bridge/line"
	"github.com/hookspan/hookspan/bridge/logline"
)

const (
	mostPlaces = 8192             // unless fewer are asked for
	patience   = 10 * time.Second // of an attempt; then it is made later, with a signature of that time
	lookAgain  = time.Second      // for connections that have become idle
	shedEvery  = 50 * time.Millisecond
	long       = time.Second // of an attempt
	namesKept  = 16384       // addresses, before what is known of those that nobody uses is forgotten
	goesRound  = 4           // each so-manieth place goes to whose turn it is, however quick others are
)

// errCrowded is the end of an attempt that got no connection. The endpoint is not to blame.
var errCrowded = errors.New("no connection was free")

// places bound the connections of a sender, and so its descriptors: each has a place from before its
// host is looked up until it is closed, idle or not. Who finds none waits. Idle connections are closed
// for those that wait. A place that is free goes to an address that was quick when it was last asked,
// and of those to the one that has fewest; each fourth goes round. No address has more than half, and
// those that hung have three quarters together. So those that answer get on beside any number that do not.
type places struct {
	most int
	shed func(address string) bool // closes a connection that nobody uses: of that address, or of any for ""
	log  *slog.Logger

	metrics *placeMetrics
	waiting atomic.Int64

	mu        sync.Mutex
	taken     int
	hungTaken int
	turn      int64
	holders   map[string]*holder
	fruitless time.Time // when there was nothing to close
	tell      *rate.Limiter
	quiet     int64 // waits that were not told since
}

// A manner is how an address was when it was last asked.
type manner int

const (
	unknown manner = iota // or slow
	quick
	hung
)

// before: who has this manner is served first.
func (m manner) before(o manner) bool { return m != o && (m == quick || o == hung) }

// A holder is an address with places, with waiters, or one of which something is known.
type holder struct {
	taken   int
	manner  manner
	turn    int64 // when it got a place last
	waiters line.Line[waiter]
	count   int // of them
}

type waiter struct {
	at     line.Place[waiter]
	queued bool
	ready  chan *place // of one: places sends, once; nil says that a connection of the address waits
}

// A place is one connection's, or of an attempt that may open one.
type place struct {
	of      *places
	address string
	state   atomic.Int32
}

const (
	unclaimed int32 = iota
	claimed         // by who dials
	left
)

func newPlaces(most int, log *slog.Logger, m *placeMetrics) *places {
	if most <= 0 {
		most = mostPlaces
	}
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &places{most: most, log: log, metrics: m, holders: map[string]*holder{}, tell: rate.NewLimiter(.1, 1)}
}

// take returns a place for an address, or nil without an error when there may be an idle connection
// to it by now, which idle reports; nil wants none. It waits until ctx ends, and not longer than an
// attempt may.
func (p *places) take(ctx context.Context, address string, idle func() bool) (*place, error) {
	p.mu.Lock()
	h := p.holder(address)
	if h.count == 0 && p.may(h) {
		defer p.mu.Unlock()
		return p.grant(address, h), nil
	}
	w := &waiter{queued: true, ready: make(chan *place, 1)}
	h.waiters.Join(&w.at, w)
	h.count++
	p.waiting.Add(1)
	p.tellFull()
	p.mu.Unlock()
	if idle != nil && idle() { // since the caller has looked, and while nobody waited
		pl, _ := p.abandon(address, w)
		return pl, nil
	}
	p.metrics.waits.Inc()
	return p.await(ctx, address, w, idle != nil)
}

// await has what is idle closed until the waiter's turn has come. A connection to the same address
// is not closed at first for whoever can use it: it may be on its way to another waiter.
func (p *places) await(ctx context.Context, address string, w *waiter, uses bool) (*place, error) {
	late, again := time.NewTimer(patience), time.NewTicker(lookAgain)
	defer late.Stop()
	defer again.Stop()
	for first := true; ; first = false {
		p.makeRoom(address, !first || !uses)
		var why error
		select {
		case pl := <-w.ready:
			return pl, nil
		case <-again.C:
			continue
		case <-late.C:
			why = errCrowded
		case <-ctx.Done():
			why = context.Cause(ctx)
		}
		if pl, got := p.abandon(address, w); got {
			return pl, nil
		}
		return nil, why
	}
}

// abandon takes a waiter out. Its turn may have come meanwhile: it has got what it waited for then.
func (p *places) abandon(address string, w *waiter) (pl *place, got bool) {
	p.mu.Lock()
	queued := w.queued
	if queued {
		p.dequeue(p.holders[address], w)
		p.forget(address)
	}
	p.mu.Unlock()
	if queued {
		return nil, false
	}
	return <-w.ready, true
}

// makeRoom closes a connection that nobody uses, if that is of use to the address; one of its own only
// where that is said.
func (p *places) makeRoom(address string, own bool) {
	now := time.Now()
	of, use := p.lacks(address, now)
	if use && (of == "" || own) && !p.shed(of) {
		p.mu.Lock()
		p.fruitless = now
		p.mu.Unlock()
	}
}

// lacks says whether a closed connection is of use, and whether it has to be one of the address.
func (p *places) lacks(address string, now time.Time) (of string, use bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	h := p.holders[address]
	switch {
	case h == nil, h.count == 0, now.Sub(p.fruitless) < shedEvery:
		return "", false
	case h.taken >= p.share():
		return address, true
	}
	return "", p.taken >= p.most && (h.manner != hung || p.hungTaken < p.hungShare())
}

func (p *places) tellFull() {
	if !p.tell.Allow() {
		p.quiet++
		return
	}
	p.log.Warn("attempts wait for a connection: endpoints use as many as the file limit leaves them, or one of them half of those; raise the limit (ulimit -n, LimitNOFILE)",
		slog.Int("connections", p.taken), slog.Int("limit", p.most), logline.Suppressed(p.quiet))
	p.quiet = 0
}

// share is how many places one address may have. Over HTTP/2 one is for its connection, and one for who
// is about to use that.
func (p *places) share() int { return min(p.most, max(2, p.most/2)) }

// hungShare is how many those may have together that hung.
func (p *places) hungShare() int { return max(1, p.most-p.most/4) }

// may: there is a place, and the address may have it.
func (p *places) may(h *holder) bool {
	return p.taken < p.most && h.taken < p.share() && (h.manner != hung || p.hungTaken < p.hungShare())
}

func (p *places) holder(address string) *holder {
	h := p.holders[address]
	if h == nil {
		if len(p.holders) >= namesKept {
			maps.DeleteFunc(p.holders, func(_ string, h *holder) bool { return h.taken == 0 && h.count == 0 })
		}
		h = &holder{}
		p.holders[address] = h
	}
	return h
}

// forget drops what is not needed of an address.
func (p *places) forget(address string) {
	if h := p.holders[address]; h.taken == 0 && h.count == 0 && h.manner == unknown {
		delete(p.holders, address)
	}
}

func (p *places) grant(address string, h *holder) *place {
	p.taken++
	h.taken++
	if h.manner == hung {
		p.hungTaken++
	}
	p.turn++
	h.turn = p.turn
	return &place{of: p, address: address}
}

// give takes a place back and gives it to whom it is due.
func (p *places) give(address string) {
	h := p.holders[address]
	p.taken--
	h.taken--
	if h.manner == hung {
		p.hungTaken--
	}
	p.forget(address)
	p.serve()
}

// serve gives places to those that wait, as long as there are any.
func (p *places) serve() {
	for p.waiting.Load() > 0 {
		address, h := p.next()
		if h == nil {
			return
		}
		w := h.waiters.Front().Of
		p.dequeue(h, w)
		w.ready <- p.grant(address, h)
	}
}

// next is the address that the next place is for.
func (p *places) next() (address string, next *holder) {
	round := p.turn%goesRound == 0
	for a, h := range p.holders {
		if h.count > 0 && p.may(h) && (next == nil || h.before(next, round)) {
			address, next = a, h
		}
	}
	return address, next
}

// before: the holder is served before another one.
func (h *holder) before(o *holder, round bool) bool {
	switch {
	case round && h.turn != o.turn:
		return h.turn < o.turn
	case h.manner != o.manner:
		return h.manner.before(o.manner)
	case h.taken != o.taken:
		return h.taken < o.taken
	}
	return h.turn < o.turn
}

func (p *places) dequeue(h *holder, w *waiter) {
	h.waiters.Leave(&w.at)
	h.count--
	w.queued = false
	p.waiting.Add(-1)
}

// pass says what becomes of a connection that is not used any more: it is closed when somebody else
// waits for its place, and kept otherwise. A waiter for the same address is told once it is kept.
func (p *places) pass(address string) (keep bool, w *waiter) {
	if p.waiting.Load() == 0 {
		return true, nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	h := p.holder(address)
	p.taken--
	h.taken--
	_, next := p.next()
	p.taken++
	h.taken++
	defer p.forget(address)
	switch {
	case next == nil:
		return true, nil
	case next != h:
		return false, nil
	}
	w = h.waiters.Front().Of
	p.dequeue(h, w)
	return true, w
}

// ended notes how an address was.
func (p *places) ended(address string, res *delivery.Response, took time.Duration) {
	var m manner
	switch {
	case res.Reason == delivery.ReasonStopped, res.Reason == delivery.ReasonCrowded:
		return
	case res.Reason == delivery.ReasonTimeout, res.Reason != "" && took >= long:
		m = hung
	case took < long:
		m = quick
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	h := p.holder(address)
	defer p.forget(address)
	was := h.manner
	switch h.manner = m; {
	case m == was:
	case m == hung:
		p.hungTaken += h.taken
	case was == hung:
		p.hungTaken -= h.taken
		p.serve()
	}
}

// claim has the connection that is opened own the place; false for one that was given back.
func (pl *place) claim() bool {
	return pl != nil && pl.state.CompareAndSwap(unclaimed, claimed)
}

// free gives back a place that no connection owns.
func (pl *place) free() {
	if pl != nil && pl.state.CompareAndSwap(unclaimed, left) {
		pl.leave()
	}
}

// closed gives back the place of a connection, once.
func (pl *place) closed() {
	if pl.state.CompareAndSwap(claimed, left) {
		pl.leave()
	}
}

func (pl *place) leave() {
	pl.of.mu.Lock()
	defer pl.of.mu.Unlock()
	pl.of.give(pl.address)
}

// crowded is the response of an attempt for which there was no connection.
func crowded() delivery.Response {
	return delivery.Response{Reason: delivery.ReasonCrowded, Detail: errCrowded.Error()}
}

// count is how many connections there are.
func (p *places) count() float64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return float64(p.taken)
}
