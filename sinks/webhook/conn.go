package webhook

import (
	"bufio"
	"crypto/tls"
	"io"
	"math"
	"net"
	"syscall"
	"time"
)

const noLimit = math.MaxInt64

// A conn is one connection with what is needed to use it again and again.
type conn struct {
	net.Conn
	reader *bufio.Reader
	left   int64 // bytes that may still be read; guards the head of an answer
	since  time.Time

	socket syscall.RawConn       // nil where there is none to look at
	look   func(fd uintptr) bool // is peek: made once, it costs no allocation
	silent bool                  // what peek found
}

func newConn(raw net.Conn) *conn {
	c := &conn{Conn: raw}
	c.reader = bufio.NewReader(limited{c.Conn, &c.left})
	c.look = c.peek
	for { // through a proxy with TLS there are two layers
		secured, ok := raw.(*tls.Conn)
		if !ok {
			break
		}
		raw = secured.NetConn()
	}
	if has, ok := raw.(syscall.Conn); ok {
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
