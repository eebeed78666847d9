package receiver

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// A Crowd bounds the connections of a listener. When one more comes than there may be, one that
// waits has to go: of the sender that has most of them, the one that has waited longest; those
// on which something genuine has come are the last to go. A connection waits while its next request, headers and body, has not come in full; what has come
// is answered. So however many connections are left half open, there is one for who has
// something to say, and the process keeps descriptors for the bus.
type Crowd struct {
	most   int
	log    *slog.Logger
	full   *valve
	closed prometheus.Counter

	mu    sync.Mutex
	count int
	hosts [2]map[netip.Addr]*host // strangers, and those that sent something genuine
	room  sync.Cond               // told when one leaves or begins to wait
	over  bool                    // the listener is closed
}

// A host is a sender with connections that wait, oldest first.
type host struct {
	line[guest]
	waiting int
}

// A guest is one connection of a crowd.
type guest struct {
	net.Conn
	crowd *Crowd
	from  netip.Addr

	// Guarded by crowd.mu.
	busy    int  // requests that have come in full and are not answered yet
	genuine bool // one of its requests was
	since   time.Time
	place   place[guest] // among those of the host that wait
	gone    bool
}

// NewCrowd bounds connections to most. Without a registerer it has no metrics.
func NewCrowd(most int, log *slog.Logger, into prometheus.Registerer) *Crowd {
	c := &Crowd{
		most: most, log: log, full: newValve(.1, 1), hosts: [2]map[netip.Addr]*host{{}, {}},
		closed: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "hookspan_intake_connections_closed_total", Help: "Connections that were closed, while they waited, to make room for others.",
		}),
	}
	c.room.L = &c.mu
	if into != nil {
		into.MustRegister(c.closed, prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "hookspan_intake_connections", Help: "Connections of the intake.",
		}, func() float64 {
			c.mu.Lock()
			defer c.mu.Unlock()
			return float64(c.count)
		}))
	}
	return c
}

// Listen is a listener whose connections are of the crowd.
func (c *Crowd) Listen(l net.Listener) net.Listener { return crowded{l, c} }

type crowded struct {
	net.Listener
	*Crowd
}

// Accept returns the next connection, once there is room for it.
func (l crowded) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	g := &guest{Conn: conn, crowd: l.Crowd}
	if at, err := netip.ParseAddrPort(conn.RemoteAddr().String()); err == nil {
		g.from = senderOf(at.Addr().Unmap().WithZone(""))
	}
	if !l.admit(g) {
		_ = conn.Close()
		return nil, net.ErrClosed
	}
	return g, nil
}

// Close ends a waiting Accept, too.
func (l crowded) Close() error {
	l.mu.Lock()
	l.over = true
	l.room.Broadcast()
	l.mu.Unlock()
	return l.Listener.Close()
}

// admit waits until there is room for a guest, and makes it if it can.
func (c *Crowd) admit(g *guest) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.count >= c.most {
		if c.over {
			return false
		}
		if missed, ok := c.full.admit(); ok {
			c.log.Warn("connections have reached HOOKSPAN_MAX_CONNECTIONS; those that wait longest are closed", slog.Int("connections", c.most), slog.Int64("suppressed", missed))
		}
		if v := c.longest(); v != nil {
			c.closed.Inc()
			c.leave(v)
			_ = v.Conn.Close() // its server finds out by itself
			continue
		}
		c.room.Wait()
	}
	c.count++
	c.wait(g)
	return true
}

// looked bounds how many senders are compared, in no order.
const looked = 64

// longest is the guest that has to go, nil when none waits.
func (c *Crowd) longest() *guest {
	hosts := c.hosts[0]
	if len(hosts) == 0 {
		hosts = c.hosts[1]
	}
	var worst *host
	n := 0
	for _, h := range hosts {
		if worst == nil || h.waiting > worst.waiting || (h.waiting == worst.waiting && h.front.of.since.Before(worst.front.of.since)) {
			worst = h
		}
		if n++; n == looked {
			break
		}
	}
	if worst == nil {
		return nil
	}
	return worst.front.of
}

// among are those that a guest waits with.
func (c *Crowd) among(g *guest) map[netip.Addr]*host {
	if g.genuine {
		return c.hosts[1]
	}
	return c.hosts[0]
}

// wait puts a guest behind those of its host.
func (c *Crowd) wait(g *guest) {
	hosts := c.among(g)
	h := hosts[g.from]
	if h == nil {
		h = &host{}
		hosts[g.from] = h
	}
	g.since = time.Now()
	h.line.join(&g.place, g)
	h.waiting++
}

// stir takes a guest out of those that wait.
func (c *Crowd) stir(g *guest) {
	hosts := c.among(g)
	h := hosts[g.from]
	h.line.leave(&g.place)
	if h.waiting--; h.waiting == 0 {
		delete(hosts, g.from)
	}
}

func (c *Crowd) leave(g *guest) {
	if g.gone {
		return
	}
	if g.busy == 0 {
		c.stir(g)
	}
	g.gone = true
	c.count--
	c.room.Signal()
}

// Close gives the guest's place back.
func (g *guest) Close() error {
	g.crowd.mu.Lock()
	g.crowd.leave(g)
	g.crowd.mu.Unlock()
	return g.Conn.Close()
}

// hold says that a request of the connection has come in full. It is nil for a connection that
// is in no crowd.
func (g *guest) hold() {
	if g == nil {
		return
	}
	g.crowd.mu.Lock()
	defer g.crowd.mu.Unlock()
	if g.busy++; g.busy == 1 && !g.gone {
		g.crowd.stir(g)
	}
}

// let says that it is answered, and whether it was genuine.
func (g *guest) let(genuine bool) {
	if g == nil {
		return
	}
	g.crowd.mu.Lock()
	defer g.crowd.mu.Unlock()
	if g.busy--; g.busy == 0 && !g.gone {
		g.genuine = g.genuine || genuine
		g.crowd.wait(g)
		g.crowd.room.Signal()
	}
}

type guestKey struct{}

// withGuest lets requests find their connection's guest.
func withGuest(ctx context.Context, c net.Conn) context.Context {
	if t, ok := c.(*tls.Conn); ok {
		c = t.NetConn()
	}
	if g, ok := c.(*guest); ok {
		return context.WithValue(ctx, guestKey{}, g)
	}
	return ctx
}

func guestOf(q *http.Request) *guest {
	g, _ := q.Context().Value(guestKey{}).(*guest)
	return g
}

// Undisturbed is a handler whose requests are not broken off for want of connections once their
// headers have come.
func Undisturbed(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		g := guestOf(q)
		g.hold()
		defer g.let(true)
		h.ServeHTTP(w, q)
	})
}
