package embedded

import (
	"context"
	"errors"
	"fmt"
	"net"
	"reflect"
	"strconv"

	"github.com/nats-io/nats-server/v2/server"
	"golang.org/x/time/rate"
)

// A door lets connections in no faster than the server turns away those that are too many: each has a
// descriptor until it has been looked at, and a flood of them would leave none for the bus itself.
type door struct {
	net.Listener
	pace   *rate.Limiter
	open   context.Context // until Close
	closed context.CancelFunc
}

// openDoor listens where the server's options say. As many as may be connected come in at once, and
// twice as many in a second.
func openDoor(address string, connections int) (*door, error) {
	listen := net.ListenConfig{KeepAlive: -1} // the protocol has a sign of life of its own
	l, err := listen.Listen(context.Background(), "tcp", address)
	if err != nil {
		return nil, err
	}
	d := &door{Listener: l, pace: rate.NewLimiter(rate.Limit(2*connections), connections)}
	d.open, d.closed = context.WithCancel(context.Background())
	return d, nil
}

func (d *door) Accept() (net.Conn, error) {
	if d.pace.Wait(d.open) != nil {
		return nil, net.ErrClosed
	}
	return d.Listener.Accept()
}

func (d *door) Close() error {
	d.closed()
	return d.Listener.Close()
}

// openDoor opens that of a server for clients, if there is one.
func (s *Server) openDoor(inner *server.Server, o *server.Options) error {
	if o.DontListen {
		return nil
	}
	d, err := openDoor(net.JoinHostPort(o.Host, strconv.Itoa(max(o.Port, 0))), s.o.Connections)
	if err != nil {
		return fmt.Errorf("listen for NATS clients on %s (HOOKSPAN_EMBEDDED_LISTEN): %w", s.o.Listen, err)
	}
	if err := takes(inner, d); err != nil {
		_ = d.Close() // nobody has come in
		return fmt.Errorf("listen for NATS clients: %w", err)
	}
	return nil
}

// takes has a server that was not started yet take clients from a listener of ours. It uses the one that
// it has, and has no other way to be given one.
func takes(inner *server.Server, l net.Listener) error {
	field := reflect.ValueOf(inner).Elem().FieldByName("listener")
	if !field.IsValid() || field.Type() != reflect.TypeFor[net.Listener]() {
		return errors.New("this version of nats-server takes no listener")
	}
	*(*net.Listener)(field.Addr().UnsafePointer()) = l
	return nil
}
