package webhook

import (
	"bufio"
	"io"
	"math"
	"net"
	"syscall"
	"time"

	"github.com/hookspan/hookspan/bridge/delivery"
)

const noLimit = math.MaxInt64

// A conn is one connection with what is needed to use it again and again.
type conn struct {
	net.Conn
	reader *bufio.Reader
	left   int64 // bytes that may still be read; guards the head of an answer
	since  time.Time

	address string          // where it leads
	opening delivery.Phases // what it took; of the first attempt alone
	begun   time.Time       // when it could be used for the attempt
	first   time.Time       // when the answer began to come; zero: not yet

	socket syscall.RawConn       // nil where there is none to look at
	look   func(fd uintptr) bool // is peek: made once, it costs no allocation
	silent bool                  // what peek found
}

func newConn(raw net.Conn) *conn {
	c := &conn{Conn: raw, begun: time.Now()}
	c.reader = bufio.NewReader(incoming{c})
	c.look = c.peek
	under, opened := beneath(raw)
	if opened != nil {
		c.address, c.opening = opened.address, opened.opening
	}
	if has, ok := under.(syscall.Conn); ok {
		if socket, err := has.SyscallConn(); err == nil {
			c.socket = socket
		}
	}
	return c
}

// limited reads as much as is left.
type limited struct {
	r    io.Reader
	left *int64
}

func (l limited) Read(b []byte) (int, error) {
	if *l.left <= 0 {
		return 0, errHeadTooLong
	}
	n, err := l.r.Read(b[:min(int64(len(b)), *l.left)])
	*l.left -= int64(n)
	return n, err
}

// incoming is what the endpoint says on a connection.
type incoming struct{ *conn }

func (i incoming) Read(b []byte) (int, error) {
	n, err := limited{i.Conn, &i.left}.Read(b)
	if n > 0 && i.first.IsZero() {
		i.first = time.Now()
	}
	return n, err
}

// tell says where an attempt went, and what its time went into.
func (c *conn) tell(res *delivery.Response) {
	res.Address, res.Phases = c.address, c.opening
	c.opening = delivery.Phases{}
	if !c.first.IsZero() {
		res.Phases.FirstByte = delivery.MicrosOf(c.first.Sub(c.begun))
	}
}

// heard reports whether anything was read since the request was begun.
func (c *conn) heard() bool { return c.left != maxHead }

// quiet reports whether an idle connection is still open and nobody has said anything on
// it. Anything that can be read there is the end of the connection, or an answer to a
// question that was not asked.
func (c *conn) quiet() bool {
	return c.socket != nil && c.socket.Read(c.look) == nil && c.silent
}

// peek looks at the socket without waiting and without taking anything.
func (c *conn) peek(fd uintptr) bool {
	c.silent = nothingToRead(fd)
	return true
}
