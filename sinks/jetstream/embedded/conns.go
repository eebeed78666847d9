package embedded

import (
	"context"
	"crypto/rand"
	"fmt"
	"net"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/hookspan/hookspan/sinks/jetstream"
	"github.com/hookspan/hookspan/sinks/jetstream/embedded/client"
	"github.com/hookspan/hookspan/sinks/jetstream/link"
)

// connect makes the connections that the adapter works on, and opens the desk.
func (s *Server) connect() (err error) {
	s.conns.Process = s.process("hookspan publish events")
	if s.conns.Events, err = s.dial("hookspan publish", eventsAccount); err != nil {
		return err
	}
	if s.conns.Read, err = s.dial("hookspan read", eventsAccount); err != nil {
		return err
	}
	if s.conns.Private, err = s.dial("hookspan private", privateAccount); err != nil || s.clients == nil {
		return err
	}
	s.desk, err = client.OpenDesk(s.clients)
	return err
}

// process is how a connection to the account of events that speaks the protocol by itself is made.
func (s *Server) process(name string) *link.Process {
	return &link.Process{Dial: s.InProcessConn, Token: s.guard.token(eventsAccount), Name: name}
}

// dial makes a connection that comes back by itself when the server was opened again; nothing is
// buffered meanwhile, a publish fails at once.
func (s *Server) dial(name, account string) (*nats.Conn, error) {
	nc, err := nats.Connect("", nats.InProcessServer(s), nats.Name(name),
		nats.Token(s.guard.token(account)), nats.CustomInboxPrefix(inboxPrefix+"."+rand.Text()),
		nats.MaxReconnects(-1), nats.ReconnectWait(20*time.Millisecond), nats.ReconnectJitter(0, 0),
		nats.ReconnectBufSize(-1), nats.NoCallbacksAfterClientClose(),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
			s.o.Log.Warn("connection to the embedded bus", "connection", name, "error", err)
		}))
	if err != nil {
		return nil, fmt.Errorf("connect to the embedded bus: %w", err)
	}
	return nc, nil
}

// Conns are the connections to the server. They are the Server's to close.
func (s *Server) Conns() jetstream.Conns { return s.conns }

// InProcessConn connects to whichever server runs now. It makes a Server what nats.go calls
// a provider of connections.
func (s *Server) InProcessConn() (net.Conn, error) {
	s.mu.RLock() // it stays until it has the connection
	defer s.mu.RUnlock()
	if s.inner == nil {
		return nil, ErrClosed
	}
	return s.inner.InProcessConn()
}

// ClientURL is where NATS clients connect, "" without Listen.
func (s *Server) ClientURL() string {
	inner := s.current()
	if s.o.Listen == "" || inner == nil {
		return ""
	}
	return inner.ClientURL()
}

// ours are all connections of our own.
func (s *Server) ours() []*nats.Conn {
	list := []*nats.Conn{s.conns.Events, s.conns.Read, s.conns.Private}
	if s.desk != nil {
		list = append(list, s.desk.Conns()...)
	}
	return list
}

const (
	connsTimeout  = 10 * time.Second
	connsInterval = 5 * time.Millisecond
)

// awaitConns returns once all are connected.
func awaitConns(ctx context.Context, all []*nats.Conn) error {
	ctx, cancel := context.WithTimeout(ctx, connsTimeout)
	defer cancel()
	tick := time.NewTicker(connsInterval)
	defer tick.Stop()
	for _, nc := range all {
		for !nc.IsConnected() {
			select {
			case <-tick.C:
			case <-ctx.Done():
				return fmt.Errorf("connect again: %w", ctx.Err())
			}
		}
	}
	return nil
}
