package webhook

import (
	"context"
	"crypto/tls"
	"net"
	"sync"
	"time"

	"github.com/hookspan/hookspan/bridge/delivery"
)

// A phase is what is being done to open a connection.
type phase int

const (
	resting phase = iota // nothing
	resolving
	connecting
	securing
)

// A trail is where a connection was sought and what that took so far. A transport may go on when
// the attempt that asked has ended, and that attempt reads it all the same.
type trail struct {
	place   *place // that the connection may take; nil: none
	mu      sync.Mutex
	phase   phase
	since   time.Time
	spent   [securing + 1]time.Duration
	address string
}

// enter ends a phase and begins the next.
func (t *trail) enter(p phase) {
	now := time.Now()
	t.mu.Lock()
	defer t.mu.Unlock()
	t.spent[t.phase] += now.Sub(t.since)
	t.phase, t.since = p, now
}

// to notes the address that is tried.
func (t *trail) to(address string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.address = address
}

// read also counts the phase that has not ended.
func (t *trail) read() (address string, p delivery.Phases) {
	t.mu.Lock()
	defer t.mu.Unlock()
	spent := t.spent
	spent[t.phase] += time.Since(t.since)
	return t.address, delivery.Phases{
		DNS: delivery.MicrosOf(spent[resolving]), Connect: delivery.MicrosOf(spent[connecting]), TLS: delivery.MicrosOf(spent[securing]),
	}
}

type trailKey struct{}

// along has what is dialled for a context leave its trail.
func (t *trail) along(ctx context.Context) context.Context {
	return context.WithValue(ctx, trailKey{}, t)
}

// trailOf is one that nobody reads where none is asked for.
func trailOf(ctx context.Context) *trail {
	if t, ok := ctx.Value(trailKey{}).(*trail); ok {
		return t
	}
	return new(trail)
}

// A reached connection knows its trail, and how that ended.
type reached struct {
	net.Conn
	trail   *trail
	address string
	opening delivery.Phases
	place   *place
}

// Close gives the place back.
func (r *reached) Close() error {
	err := r.Conn.Close()
	r.place.closed()
	return err
}

// beneath is the socket of a connection under all its layers, and the one that knows its trail; nil for none.
func beneath(c net.Conn) (socket net.Conn, opened *reached) {
	for {
		switch layer := c.(type) {
		case *tls.Conn: // through a proxy with TLS there are two
			c = layer.NetConn()
		case *reached:
			opened, c = layer, layer.Conn
		default:
			return c, opened
		}
	}
}
