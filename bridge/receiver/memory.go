package receiver

import (
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"github.com/hookspan/hookspan/bridge/line"
	"github.com/hookspan/hookspan/bridge/listener"
)

// errNoMemory is what a request ends with for which there is no room. It may come again.
var errNoMemory = errors.New("no room for the body")

const (
	// patience is how long a body may be arriving before it has to make room for others, and
	// roomTime how long others wait for it to do so.
	patience    = time.Second
	roomTime    = 2 * time.Second
	mostWaiting = 64 // requests; further ones are told to come again at once
)

// A share is what one source, one sender or all together have in hand. Its fields are guarded by
// memory.mu.
type share struct {
	name   string
	used   int64
	bodies int
	limit  int64 // 0 is none of its own
}

// memory bounds what the requests in hand take: all together, and of that at most half for one
// source, where there are several, and for one sender. What a body alone takes is bounded by the
// whole. A body that is still arriving, and has been for longer than patience, makes room for
// others: so however many senders are slow, the others get through.
type memory struct {
	mu      sync.Mutex
	all     share
	part    int64 // of one source; 0 where there is but one
	senders map[netip.Addr]*share
	coming  line.Line[body] // those that arrive, in the order in which they began
	waiting int             // requests that wait for room
	freed   chan struct{}   // closed and made anew when room was made while some wait
}

func newMemory(limit int64) *memory {
	return &memory{all: share{name: "HOOKSPAN_INTAKE_MEMORY", limit: limit}, senders: map[netip.Addr]*share{}, freed: make(chan struct{})}
}

// share tells how many sources there are, and how much there is for bodies.
func (m *memory) share(sources int, limit int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.all.limit = limit
	if m.part = 0; sources > 1 {
		m.part = m.all.limit / 2
	}
}

func (m *memory) inHand() int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.all.used
}

// arrive takes a body up whose bytes come from now on, with room for its first n.
func (m *memory) arrive(b *body, w http.ResponseWriter, from netip.Addr, began time.Time, n int64) error {
	from = listener.Sender(from)
	m.mu.Lock()
	defer m.mu.Unlock()
	if b.sender = m.senders[from]; b.sender == nil {
		b.sender = &share{name: "the sender"}
		m.senders[from] = b.sender
	}
	b.from, b.w, b.began = from, w, began
	b.sender.bodies++
	m.coming.Join(&b.place, b)
	b.arriving = true
	return m.takeLocked(b, n)
}

// arrived ends that. It reports whether the body was made to give way meanwhile.
func (m *memory) arrived(b *body) (cut bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !b.arriving {
		return false
	}
	m.coming.Leave(&b.place)
	b.arriving, b.w = false, nil
	if b.cut { // nobody looks at its bytes any more
		m.charge(b, -b.charge)
		m.tell()
	}
	return b.cut
}

// extend moves the deadlines of a body that keeps up, unless it has to give way.
func (m *memory) extend(b *body, deadline time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if b.cut {
		return
	}
	control := http.NewResponseController(b.w)
	// Neither can fail on a connection of our server; elsewhere there is no deadline to move.
	_ = control.SetReadDeadline(deadline)
	_ = control.SetWriteDeadline(deadline.Add(listener.AnswerTime))
}

// take reserves n more bytes for a body, if need be by making others give way.
func (m *memory) take(b *body, n int64) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.takeLocked(b, n)
}

func (m *memory) takeLocked(b *body, n int64) error {
	tight := m.tight(b, n)
	if tight == nil {
		m.charge(b, n)
		return nil
	}
	if m.waiting == mostWaiting {
		return m.full(tight)
	}
	m.waiting++
	defer func() { m.waiting-- }()
	until := time.Now().Add(roomTime)
	for tight != nil {
		now := time.Now()
		wait, possible := m.makeRoom(b, tight, n, now)
		if wait = min(wait, until.Sub(now)); !possible || wait <= 0 {
			return m.full(tight)
		}
		freed := m.freed
		m.mu.Unlock()
		timer := time.NewTimer(wait)
		select {
		case <-freed:
		case <-timer.C:
		}
		timer.Stop()
		m.mu.Lock()
		if b.cut {
			return errGaveWay
		}
		tight = m.tight(b, n)
	}
	m.charge(b, n)
	return nil
}

func (m *memory) full(s *share) error {
	return fmt.Errorf("%w: %s has %d bytes in hand, of %d", errNoMemory, s.name, s.used, m.limitOf(s))
}

// tell wakes those who wait for room.
func (m *memory) tell() {
	if m.waiting > 0 {
		close(m.freed)
		m.freed = make(chan struct{})
	}
}

// errGaveWay is what a body ends with that made room for others.
var errGaveWay = fmt.Errorf("%w: it has been arriving for long, and others need the room", errNoMemory)

func (m *memory) charge(b *body, n int64) {
	b.charge += n
	for _, s := range [...]*share{&m.all, b.source, b.sender} {
		s.used += n
	}
}

func (m *memory) limitOf(s *share) int64 {
	if s == &m.all {
		return s.limit
	}
	return m.all.limit / 2
}

// tight is the share in which there is no room for n more bytes, nil when there is in all. A
// source or a sender may have one body in hand whatever its part.
func (m *memory) tight(b *body, n int64) *share {
	switch {
	case m.all.used+n > m.all.limit:
		return &m.all
	case m.part > 0 && b.source.used > b.charge && b.source.used+n > m.part:
		return b.source
	case b.sender.used > b.charge && b.sender.used+n > m.all.limit/2:
		return b.sender
	}
	return nil
}

// makeRoom makes the oldest of the bodies that arrive within a share give way, and says how long
// to wait for that, or for one to be old enough. False: there is none that could.
func (m *memory) makeRoom(b *body, s *share, n int64, now time.Time) (wait time.Duration, possible bool) {
	coming := int64(0)
	for p := m.coming.Front(); p != nil; p = p.Next() {
		v := p.Of
		if v == b || v.charge == 0 || (s != &m.all && v.source != s && v.sender != s) {
			continue
		}
		if !v.cut {
			if age := now.Sub(v.began); age < patience {
				return patience - age, true
			}
			v.cut = true
			// Its Read ends at once; on a connection that has no deadlines it goes on.
			_ = http.NewResponseController(v.w).SetReadDeadline(now)
			m.tell() // it may wait for room itself
		}
		if coming += v.charge; s.used-coming+n <= m.limitOf(s) {
			return roomTime, true
		}
	}
	return roomTime, coming > 0
}

// give returns all that a body has.
func (m *memory) give(b *body) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if b.sender == nil {
		return
	}
	n := b.charge
	m.charge(b, -n)
	if b.sender.bodies--; b.sender.bodies == 0 {
		delete(m.senders, b.from)
	}
	b.sender = nil
	m.tell()
}
