package jetstream_test

import (
	"context"
	"net"
	"testing"
	"time"

	natsserver "github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats-server/v2/server/ats"
	"github.com/nats-io/nats.go"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/bus/bustest"
	"github.com/hookspan/hookspan/sinks/jetstream"
	"github.com/hookspan/hookspan/sinks/jetstream/natstest"
)

// gated connects to a server in the process through a gate.
type gated struct {
	server *natsserver.Server
	gate   *bustest.Gate
}

func (g gated) InProcessConn() (net.Conn, error) {
	c, err := g.gate.Over(func(context.Context, string, string) (net.Conn, error) {
		c, err := g.server.InProcessConn()
		return buffered(c), err
	})(context.Background(), "", "")
	return buffered(c), err
}

// buffered is a connection that nobody waits at to write, as with sockets: client and server write
// with their locks held, and in a bubble time stands still while somebody waits for a lock.
func buffered(to net.Conn) net.Conn {
	if to == nil {
		return nil
	}
	ours, middle := net.Pipe()
	go pump(to, middle)
	go pump(middle, to)
	return ours
}

// pump copies until one of both ends, which ends both.
func pump(to, from net.Conn) {
	parts := make(chan []byte, 1<<14) // the goroutine receives
	go func() {
		defer from.Close()
		defer to.Close()
		for part := range parts {
			if _, err := to.Write(part); err != nil {
				return
			}
		}
	}()
	defer close(parts)
	for {
		part := make([]byte, 4<<10)
		n, err := from.Read(part)
		if err != nil {
			return
		}
		select {
		case parts <- part[:n]:
		default:
			return // more than a socket takes
		}
	}
}

// One server and its members, in a time of their own.
func TestLeases(t *testing.T) {
	t.Parallel()
	ats.Register() // the clock that all servers of the process share stays out of the bubble
	t.Cleanup(ats.Unregister)
	bustest.BubbledLeases(t, func(t *testing.T) bustest.Sharing {
		s, err := natsserver.NewServer(&natsserver.Options{ServerName: "bubble", DontListen: true, NoSigs: true, NoLog: true, JetStream: true, StoreDir: natstest.Folder(t)})
		if err != nil {
			t.Fatal(err)
		}
		s.Start()
		t.Cleanup(func() {
			s.Shutdown()
			s.WaitForShutdown()
		})
		const lease = 2 * time.Second
		return bustest.Sharing{Lease: lease, Connect: func(t *testing.T, g *bustest.Gate) bus.Leases {
			nc, err := nats.Connect("", nats.InProcessServer(gated{s, g}), nats.MaxReconnects(-1), nats.ReconnectWait(50*time.Millisecond), nats.ReconnectBufSize(-1))
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(nc.Close)
			store, err := jetstream.Open(t.Context(), jetstream.Conns{Events: nc}, jetstream.Options{Lease: lease})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				if err := store.Close(); err != nil {
					t.Error(err)
				}
			})
			return store
		}}
	})
}
