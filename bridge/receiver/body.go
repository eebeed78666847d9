package receiver

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"os"
	"sync"
	"time"

	"github.com/hookspan/hookspan/bridge/line"
)

const (
	smallBody = 8 << 10  // bodies up to this size share buffers
	bodyStep  = 64 << 10 // a larger one gets room in steps, as its bytes arrive
)

var (
	errTooLarge   = errors.New("is larger than the source takes")
	errSlow       = errors.New("the body arrived too slowly")
	errUnreadable = errors.New("the body cannot be read")
)

// bodies reads request bodies within one bound of memory for all of them. A declared length
// reserves nothing: room is taken as bytes arrive, so a thousand idle requests that announce a
// megabyte each keep nobody out.
type bodies struct {
	*memory
	small sync.Pool // of *[smallBody]byte

	grace time.Duration // every body has this long, and no pause may be longer
	rate  int64         // and for the rest this many bytes a second at least
}

func newBodies(limit int64, grace time.Duration, rate int64) *bodies {
	return &bodies{memory: newMemory(limit), grace: grace, rate: rate, small: sync.Pool{New: func() any { return new([smallBody]byte) }}}
}

// A body is a request's bytes and what they cost.
type body struct {
	bytes []byte
	of    *bodies
	small *[smallBody]byte
	short error // why Take failed

	// Guarded by memory.mu.
	source, sender *share // sender is nil for a request without a body
	from           netip.Addr
	charge         int64
	began          time.Time
	w              http.ResponseWriter // while it arrives
	place          line.Place[body]    // among those that arrive
	arriving, cut  bool
}

// Take implements provider.Memory: what is unpacked and parsed of a body is in hand, too.
func (b *body) Take(n int64) error {
	if b.short == nil && b.sender != nil {
		b.short = b.of.take(b, n)
	}
	return b.short
}

// release gives the memory back. A buffer that somebody may still read (a publish that did not
// end well may be on its way yet) is left to the garbage collector instead of being shared.
func (b *body) release(reuse bool) {
	b.of.give(b)
	if b.small != nil && reuse {
		b.of.small.Put(b.small)
	}
	b.small, b.bytes = nil, nil
}

// An arrival is the request whose body is read.
type arrival struct {
	w     http.ResponseWriter
	q     *http.Request
	from  netip.Addr
	began time.Time
	limit int64
}

// read fills b with the body of a request, exactly as it came, up to its limit. Errors:
// errTooLarge, errNoMemory, errSlow, errUnreadable; b has to be released in any case.
func (bs *bodies) read(b *body, a arrival) error {
	if a.q.ContentLength > a.limit {
		return tooLarge(a.limit, fmt.Sprintf("the body of %d bytes", a.q.ContentLength))
	}
	if a.q.ContentLength == 0 || a.q.Body == nil {
		return nil
	}
	err := bs.arrive(b, a.w, a.from, a.began, smallBody)
	if err == nil {
		err = bs.fill(b, a)
	}
	if bs.arrived(b) {
		b.bytes = nil
		return errGaveWay
	}
	return err
}

func (bs *bodies) fill(b *body, a arrival) error {
	q, limit := a.q, a.limit
	b.small = bs.small.Get().(*[smallBody]byte)
	b.bytes = b.small[:0]
	pace := pace{bodies: bs}
	for {
		n, err := q.Body.Read(b.bytes[len(b.bytes):cap(b.bytes)])
		b.bytes = b.bytes[:len(b.bytes)+n]
		size := int64(len(b.bytes))
		switch {
		case size > limit:
			return tooLarge(limit, "the body, whose length was not said,")
		case errors.Is(err, io.EOF), size == q.ContentLength:
			return nil
		case errors.Is(err, os.ErrDeadlineExceeded):
			return errSlow
		case err != nil:
			return errUnreadable // what was wrong with chunks or lengths is the sender's to find
		}
		if len(b.bytes) == cap(b.bytes) {
			if err := b.grow(q.ContentLength, limit); err != nil {
				return err
			}
		}
		pace.allow(b, size)
	}
}

func tooLarge(limit int64, what string) error {
	return fmt.Errorf("%s %w: %d bytes at most (max_body)", what, errTooLarge, limit)
}

// grow makes room for more of a body: twice as much, never beyond what may come. One byte over
// the limit is room enough to see that there is more.
func (b *body) grow(declared, limit int64) error {
	want := limit + 1
	if declared >= 0 {
		want = declared
	}
	have := int64(cap(b.bytes))
	room := min(want, max(2*have, bodyStep))
	if err := b.of.take(b, room-have); err != nil {
		return err
	}
	larger := make([]byte, len(b.bytes), room)
	copy(larger, b.bytes)
	b.bytes = larger
	if b.small != nil {
		b.of.small.Put(b.small)
		b.small = nil
	}
	return nil
}

// A pace moves a request's deadlines as its body arrives, so that a slow honest sender gets
// through and a trickle does not. The server's ReadTimeout is the deadline of the first second's
// worth of bytes, so that a small body costs no system call.
type pace struct {
	*bodies
	moved int64 // bytes that the deadline in force allows for
}

func (p *pace) allow(b *body, size int64) {
	if p.rate == 0 || size-p.moved < p.rate {
		return
	}
	p.moved = size
	deadline := b.began.Add(p.grace + time.Duration(size/p.rate)*time.Second)
	if soon := time.Now().Add(p.grace + time.Second); deadline.After(soon) {
		deadline = soon // what came fast earns no pause
	}
	p.extend(b, deadline)
}
