// Package proxytest puts a network between a test and a server, and takes it away in the ways
// in which networks go.
package proxytest

import (
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
)

// A Cut is a way in which a network is no longer there.
type Cut int32

const (
	// Silent: what is sent never arrives, and nobody says so.
	Silent Cut = iota + 1
	// Reset: connections break at their next word.
	Reset
)

// A Proxy stands between clients and one server.
type Proxy struct {
	Address string // host:port that stands for the server's

	server string
	how    atomic.Int32 // the Cut; 0: none
	all    sync.WaitGroup

	mu     sync.Mutex
	closed bool
	open   map[*link]struct{}
}

// Start listens in front of a server until the test ends.
func Start(t testing.TB, server string) *Proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("listen in front of %s: %v", server, err)
	}
	p := &Proxy{Address: l.Addr().String(), server: server, open: map[*link]struct{}{}}
	p.all.Go(func() { p.accept(l) })
	t.Cleanup(func() {
		_ = l.Close()
		p.all.Wait()
	})
	return p
}

// Cut cuts both directions, of connections that are there and of new ones.
func (p *Proxy) Cut(how Cut) { p.how.Store(int32(how)) }

// Mend undoes a cut. Connections that have lost something end.
func (p *Proxy) Mend() {
	p.how.Store(0)
	p.hangUp(func(l *link) bool { return l.lost.Load() })
}

func (p *Proxy) hangUp(on func(*link) bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for l := range p.open {
		if on(l) {
			l.close()
		}
	}
}

func (p *Proxy) accept(l net.Listener) {
	for {
		client, err := l.Accept()
		if err != nil {
			p.mu.Lock()
			p.closed = true
			p.mu.Unlock()
			p.hangUp(func(*link) bool { return true })
			return
		}
		p.all.Go(func() { p.join(client) })
	}
}

// join carries what two sides say until one of them has no more to say.
func (p *Proxy) join(client net.Conn) {
	server, err := net.Dial("tcp", p.server)
	if err != nil {
		_ = client.Close()
		return
	}
	l := &link{client: client.(*net.TCPConn), server: server.(*net.TCPConn)}
	p.mu.Lock()
	if p.open[l] = struct{}{}; p.closed {
		l.close()
	}
	p.mu.Unlock()
	var both sync.WaitGroup
	both.Go(func() { p.carry(l, l.server, l.client) })
	both.Go(func() { p.carry(l, l.client, l.server) })
	both.Wait()
	p.mu.Lock()
	delete(p.open, l)
	p.mu.Unlock()
}

// A link is one connection from each side.
type link struct {
	client, server *net.TCPConn
	lost           atomic.Bool // something that was said
}

func (l *link) close() {
	_ = l.client.Close()
	_ = l.server.Close()
}

// carry takes from one side to the other, as long as the network allows it.
func (p *Proxy) carry(l *link, to io.Writer, from io.Reader) {
	defer l.close()
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		switch Cut(p.how.Load()) {
		case Silent:
			l.lost.Store(n > 0 || l.lost.Load())
		case Reset:
			_, _ = l.client.SetLinger(0), l.server.SetLinger(0) // RST instead of FIN
			return
		default:
			if l.lost.Load() {
				return
			}
			if _, err := to.Write(buf[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}
