package embedded

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/sinks/jetstream/embedded/disk"
)

const (
	// startTimeout bounds how long the server may take to recover its streams. Five million
	// messages take about five seconds, sixteen with a cold disk.
	startTimeout = 5 * time.Minute
	// listenLook is how often is looked whether the server listens.
	listenLook = 10 * time.Millisecond
)

// errAbandoned: the start went on when its caller had gone.
var errAbandoned = errors.New("the start was given up")

// startWithin starts the server unless ctx ends before. Nothing interrupts the recovery of
// streams, so the server is left to itself then: it is closed, and its folder free, as soon as
// it can be.
func (s *Server) startWithin(ctx context.Context) error {
	started := make(chan error, 1) // the goroutine sends, once
	go func() { started <- s.start() }()
	select {
	case err := <-started:
		return err
	case <-ctx.Done():
		go func() {
			<-started
			_ = s.Close()
		}()
		return fmt.Errorf("start the embedded bus in %s: %w: %w", s.o.Dir, errAbandoned, context.Cause(ctx))
	}
}

// checkListeners says early, and with the cause, what the server would only log: that it
// cannot listen.
func (o *Options) checkListeners() error {
	if o.Listen != "" {
		if err := checkListener(o.Listen); err != nil {
			return fmt.Errorf("listen for NATS clients on %s (HOOKSPAN_EMBEDDED_LISTEN): %w", o.Listen, err)
		}
	}
	if o.Clustered() {
		if err := checkListener(o.RoutesListen); err != nil {
			return fmt.Errorf("listen for the other members of the cluster on %s (HOOKSPAN_EMBEDDED_ROUTES_LISTEN): %w", o.RoutesListen, err)
		}
	}
	return nil
}

// checkListener leaves the address out of its error, which the caller has named.
func checkListener(address string) error {
	l, err := net.Listen("tcp", address)
	var where *net.OpError
	if errors.As(err, &where) {
		return where.Err
	}
	if err != nil {
		return err
	}
	return l.Close()
}

// fatal is the end of the start, but for a full disk, which passes.
func (o *Options) fatal(said string) error {
	if v, err := disk.Volume(o.Dir); err == nil && v.Free < o.roomToWrite() {
		return fmt.Errorf("start the embedded bus in %s: %w: %s", o.Dir, bus.ErrDiskFull, said)
	}
	return fmt.Errorf("start the embedded bus in %s: %s", o.Dir, said)
}

// awaitListeners returns once the server takes connections. What it calls fatal ends the wait, and
// the server: somebody has taken a port since it was looked at, and it may hold another one itself.
func (o *Options) awaitListeners(inner *server.Server, fatal <-chan string) error {
	for end := time.Now().Add(startTimeout); time.Now().Before(end); {
		select {
		case said := <-fatal:
			inner.Shutdown()
			inner.WaitForShutdown()
			if err := o.checkListeners(); err != nil {
				return err
			}
			return o.fatal(said)
		default:
		}
		if inner.ReadyForConnections(listenLook) {
			return nil
		}
	}
	return fmt.Errorf("start the embedded bus in %s: not ready after %v", o.Dir, startTimeout)
}
