package receiver

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

const (
	smallBody = 8 << 10  // bodies up to this size share buffers
	bodyStep  = 64 << 10 // a larger one gets room in steps, as its bytes arrive
)

var (
	errTooLarge   = errors.New("is larger than the source takes")
	errNoMemory   = errors.New("the bodies in hand have reached HOOKSPAN_INTAKE_MEMORY")
	errSlow       = errors.New("the body arrived too slowly")
	errUnreadable = errors.New("the body cannot be read")
)

// bodies reads request bodies within one bound of memory for all of them. A declared length
// reserves nothing: room is taken as bytes arrive, so a thousand idle requests that announce a
// megabyte each keep nobody out.
type bodies struct {
	limit int64
	used  atomic.Int64
	small sync.Pool // of *[smallBody]byte

	grace time.Duration // every body has this long
	rate  int64         // and for the rest this many bytes a second at least
}

func newBodies(limit int64, grace time.Duration, rate int64) *bodies {
	return &bodies{limit: limit, grace: grace, rate: rate, small: sync.Pool{New: func() any { return new([smallBody]byte) }}}
}

// A body is a request's bytes and what they cost.
type body struct {
	bytes  []byte
	from   *bodies
	small  *[smallBody]byte
	charge int64
}

// take reserves n more bytes.
func (b *body) take(n int64) error {
	if b.from.used.Add(n) > b.from.limit {
		b.from.used.Add(-n)
		return errNoMemory
	}
	b.charge += n
	return nil
}

// release gives the memory back. A buffer that somebody may still read (a publish that did not
// end well may be on its way yet) is left to the garbage collector instead of being shared.
func (b *body) release(reuse bool) {
	b.from.used.Add(-b.charge)
	b.charge = 0
	if b.small != nil && reuse {
		b.from.small.Put(b.small)
	}
	b.small, b.bytes = nil, nil
}

// read fills b with the body of q, exactly as it came, up to limit bytes. Errors: errTooLarge,
// errNoMemory, errSlow, errUnreadable; b has to be released in any case.
func (bs *bodies) read(b *body, w http.ResponseWriter, q *http.Request, limit int64, began time.Time) error {
	b.from = bs
	if q.ContentLength > limit {
		return tooLarge(limit, fmt.Sprintf("the body of %d bytes", q.ContentLength))
	}
	if q.ContentLength == 0 || q.Body == nil {
		return nil
	}
	if err := b.take(smallBody); err != nil {
		return err
	}
	b.small = bs.small.Get().(*[smallBody]byte)
	b.bytes = b.small[:0]
	pace := pace{bodies: bs, w: w, began: began}
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
		pace.allow(size)
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
	if err := b.take(room - have); err != nil {
		return err
	}
	larger := make([]byte, len(b.bytes), room)
	copy(larger, b.bytes)
	b.bytes = larger
	if b.small != nil {
		b.from.small.Put(b.small)
		b.small = nil
	}
	return nil
}

// A pace moves a request's deadlines as its body arrives, so that a slow honest sender gets
// through and a trickle does not. The server's ReadTimeout is the deadline of the first second's
// worth of bytes, so that a small body costs no system call.
type pace struct {
	*bodies
	w     http.ResponseWriter
	began time.Time
	moved int64 // bytes that the deadline in force allows for
}

func (p *pace) allow(size int64) {
	if p.rate == 0 || size-p.moved < p.rate {
		return
	}
	p.moved = size
	deadline := p.began.Add(p.grace + time.Duration(size/p.rate)*time.Second)
	control := http.NewResponseController(p.w)
	// Neither can fail on a connection of our server; elsewhere there is no deadline to move.
	_ = control.SetReadDeadline(deadline)
	_ = control.SetWriteDeadline(deadline.Add(answerTime))
}
