package listener

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
	"golang.org/x/time/rate"

	"github.com/hookspan/hookspan/bridge/line"
	"github.com/hookspan/hookspan/bridge/logline"
)

// A Crowd bounds the connections of a listener. When one more comes than there may be, one that
// waits has to go: of the sender that has most of them, the one that has waited longest; those
// on which something genuine has come are the last to go. A connection waits while its next request, headers and body, has not come in full; what has come
// is answered. So however many connections are left half open, there is one for who has
// something to say, and the process keeps descriptors for the bus.
type Crowd struct {
	most   int
	log    *slog.Logger
	closed prometheus.Counter

	mu    sync.Mutex
	count int
	tell  *rate.Limiter           // that there is no room
	quiet int64                   // how often that was not told since
	hosts [2]map[netip.Addr]*host // strangers, and those that sent something genuine
	room  sync.Cond               // told when one leaves or begins to wait
	over  bool                    // the listener is closed
}

// A host is a sender with connections that wait, oldest first.
type host struct {
	line.Line[Guest]
	waiting int
}

// A Guest is one connection of a crowd.
type Guest struct {
	net.Conn
	crowd *Crowd
	from  netip.Addr

	// Guarded by crowd.mu.
	busy    int  // requests that have come in full and are not answered yet
	genuine bool // one of its requests was
	since   time.Time
	place   line.Place[Guest] // among those of the host that wait
	gone    bool
}

// NewCrowd bounds connections to most. Without a registerer it has no metrics.
func NewCrowd(most int, log *slog.Logger, into prometheus.Registerer) *Crowd {
	c := &Crowd{
		most: most, log: log, tell: rate.NewLimiter(.1, 1), hosts: [2]map[netip.Addr]*host{{}, {}},
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
	g := &Guest{Conn: conn, crowd: l.Crowd}
	if at, err := netip.ParseAddrPort(conn.RemoteAddr().String()); err == nil {
		g.from = Sender(at.Addr().Unmap().WithZone(""))
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
func (c *Crowd) admit(g *Guest) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.count >= c.most {
		if c.over {
			return false
		}
		c.tellFull()
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

func (c *Crowd) tellFull() {
	if !c.tell.Allow() {
		c.quiet++
		return
	}
	c.log.Warn("connections have reached HOOKSPAN_MAX_CONNECTIONS; those that wait longest are closed", slog.Int("connections", c.most), logline.Suppressed(c.quiet))
	c.quiet = 0
}

// looked bounds how many senders are compared, in no order.
const looked = 64

// longest is the guest that has to go, nil when none waits.
func (c *Crowd) longest() *Guest {
	hosts := c.hosts[0]
	if len(hosts) == 0 {
		hosts = c.hosts[1]
	}
	var worst *host
	n := 0
	for _, h := range hosts {
		if worst == nil || h.waiting > worst.waiting || (h.waiting == worst.waiting && h.Front().Of.since.Before(worst.Front().Of.since)) {
			worst = h
		}
		if n++; n == looked {
			break
		}
	}
	if worst == nil {
		return nil
	}
	return worst.Front().Of
}

// among are those that a guest waits with.
func (c *Crowd) among(g *Guest) map[netip.Addr]*host {
	if g.genuine {
		return c.hosts[1]
	}
	return c.hosts[0]
}

// wait puts a guest behind those of its host.
func (c *Crowd) wait(g *Guest) {
	hosts := c.among(g)
	h := hosts[g.from]
	if h == nil {
		h = &host{}
		hosts[g.from] = h
	}
	g.since = time.Now()
	h.Join(&g.place, g)
	h.waiting++
}

// stir takes a guest out of those that wait.
func (c *Crowd) stir(g *Guest) {
	hosts := c.among(g)
	h := hosts[g.from]
	h.Leave(&g.place)
	if h.waiting--; h.waiting == 0 {
		delete(hosts, g.from)
	}
}

func (c *Crowd) leave(g *Guest) {
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
func (g *Guest) Close() error {
	g.crowd.mu.Lock()
	g.crowd.leave(g)
	g.crowd.mu.Unlock()
	return g.Conn.Close()
}

// Hold says that a request of the connection has come in full. It is nil for a connection that
// is in no crowd.
func (g *Guest) Hold() {
	if g == nil {
		return
	}
	g.crowd.mu.Lock()
	defer g.crowd.mu.Unlock()
	if g.busy++; g.busy == 1 && !g.gone {
		g.crowd.stir(g)
	}
}

// Let says that it is answered, and whether it was genuine.
func (g *Guest) Let(genuine bool) {
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

// Sender is whom connections and requests are counted for: an address, or the network of 64 bits
// that one host may have to itself.
func Sender(a netip.Addr) netip.Addr {
	if !a.Is6() {
		return a
	}
	network, err := a.Prefix(64)
	if err != nil {
		return a
	}
	return network.Addr()
}

type guestKey struct{}

// withGuest lets requests find their connection's guest.
func withGuest(ctx context.Context, c net.Conn) context.Context {
	if t, ok := c.(*tls.Conn); ok {
		c = t.NetConn()
	}
	if g, ok := c.(*Guest); ok {
		return context.WithValue(ctx, guestKey{}, g)
	}
	return ctx
}

// GuestOf is the connection of a request, nil where there is no crowd.
func GuestOf(q *http.Request) *Guest {
	g, _ := q.Context().Value(guestKey{}).(*Guest)
	return g
}

// Undisturbed is a handler whose requests are not broken off for want of connections once their
// headers have come.
func Undisturbed(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		g := GuestOf(q)
		g.Hold()
		defer g.Let(true)
		h.ServeHTTP(w, q)
	})
}
