package bustest

import (
	"context"
	"net"
	"os"
	"sync"
	"time"
)

// A Gate stands between one process and the bus: while it is shut nothing passes in either
// direction, and when it opens again what was under way goes on, as for a process that was
// stopped, or behind a network that hangs. It is safe for concurrent use.
type Gate struct {
	mu   sync.Mutex
	open chan struct{} // closed while it is open
}

// NewGate returns a gate that is open.
func NewGate() *Gate {
	g := &Gate{open: make(chan struct{})}
	close(g.open)
	return g
}

// Shut lets nothing pass any more.
func (g *Gate) Shut() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.isOpen() {
		g.open = make(chan struct{})
	}
}

// Open lets everything pass again.
func (g *Gate) Open() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.isOpen() {
		close(g.open)
	}
}

func (g *Gate) isOpen() bool {
	select {
	case <-g.open:
		return true
	default:
		return false
	}
}

func (g *Gate) opening() <-chan struct{} {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.open
}

// Dial connects through the gate.
func (g *Gate) Dial(network, address string) (net.Conn, error) {
	return g.DialContext(context.Background(), network, address)
}

// DialContext connects through the gate.
func (g *Gate) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	return g.Over(new(net.Dialer).DialContext)(ctx, network, address)
}

// A Dial connects to an address.
type Dial = func(ctx context.Context, network, address string) (net.Conn, error)

// Over connects through the gate and then by another way than TCP.
func (g *Gate) Over(dial Dial) Dial {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		select {
		case <-g.opening():
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(patience): // a context without an end
			return nil, os.ErrDeadlineExceeded
		}
		c, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return &gated{Conn: c, gate: g, closed: make(chan struct{})}, nil
	}
}

// A gated connection passes through the gate.
type gated struct {
	net.Conn
	gate   *Gate
	closed chan struct{} // closed by Close

	mu          sync.Mutex
	done        bool
	read, write time.Time // deadlines
}

func (c *gated) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if n == 0 { // the end of the connection, or a deadline
		return n, err
	}
	if passed := c.pass(&c.read); passed != nil {
		return 0, passed
	}
	return n, err
}

func (c *gated) Write(p []byte) (int, error) {
	if err := c.pass(&c.write); err != nil {
		return 0, err
	}
	return c.Conn.Write(p)
}

// pass waits until the gate is open. A read that meets its deadline here has lost what it
// read: the connection is of no use then, and ends.
func (c *gated) pass(deadline *time.Time) error {
	c.mu.Lock()
	by := *deadline
	c.mu.Unlock()
	var late <-chan time.Time
	if !by.IsZero() {
		late = time.After(time.Until(by))
	}
	select {
	case <-c.gate.opening():
		return nil
	default:
	}
	select {
	case <-c.gate.opening():
		return nil
	case <-c.closed:
		return net.ErrClosed
	case <-late:
		_ = c.Close()
		return os.ErrDeadlineExceeded
	}
}

func (c *gated) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.done {
		c.done = true
		close(c.closed)
	}
	return c.Conn.Close()
}

func (c *gated) SetDeadline(t time.Time) error {
	c.note(t, t)
	return c.Conn.SetDeadline(t)
}

func (c *gated) SetReadDeadline(t time.Time) error {
	c.mu.Lock()
	c.read = t
	c.mu.Unlock()
	return c.Conn.SetReadDeadline(t)
}

func (c *gated) SetWriteDeadline(t time.Time) error {
	c.mu.Lock()
	c.write = t
	c.mu.Unlock()
	return c.Conn.SetWriteDeadline(t)
}

func (c *gated) note(read, write time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.read, c.write = read, write
}
