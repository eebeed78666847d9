package embedded

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"sync/atomic"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/sinks/jetstream"
)

var (
	// ErrInUse: another process, or another Server of this one, has the data folder.
	ErrInUse = errors.New("data folder is in use by another process")
	// ErrClosed: the server was closed.
	ErrClosed = fmt.Errorf("embedded bus is closed: %w", bus.ErrUnavailable)
)

// A Server is the embedded bus. Its methods may be called from any goroutine.
type Server struct {
	o     Options
	lock  io.Closer
	group *group
	conns jetstream.Conns
	guard *guard
	desk  *desk // nil without Listen

	password string   // of our own connections, in memory alone
	streams  []string // that clients read through consumers which the desk makes

	stop       context.CancelCauseFunc
	running    sync.WaitGroup // the sync loop and the watch
	closeFlush func() error

	trouble atomic.Pointer[trouble] // nil: all is well
	free    atomic.Int64            // bytes of the volume at the last look

	suspect   map[string]bool // faults at the last look; watch alone uses it, and described
	described described

	// Of a server in a cluster: the addresses of peers it knows (watch alone uses them), those
	// that were found since, and whether it has caught up with the others since it started.
	known  []string
	found  atomic.Pointer[[]string]
	joined atomic.Bool

	mu        sync.RWMutex
	inner     *server.Server  // nil while it is opened again, and after Close
	inherited map[string]bool // faults that it had when it was opened
}

// Open locks the data folder, starts the server in it and connects to it. With ErrInUse
// another process has the folder. The caller must Close the server.
func Open(ctx context.Context, o Options) (*Server, error) {
	return open(ctx, o, func(flush func() error) func() error { return flush })
}

// open is Open with a hand in between on the sync of the store.
func open(ctx context.Context, o Options, between func(flush func() error) func() error) (_ *Server, err error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	o.withDefaults()
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the data folder: %w", err)
	}
	s := &Server{o: o, password: rand.Text(), described: described{dir: o.Dir}}
	s.guard = newGuard(s)
	defer func() {
		if err != nil && !errors.Is(err, errAbandoned) {
			s.Close()
		}
	}()
	if s.lock, err = lockDir(o.Dir); err != nil {
		return nil, err
	}
	if err := s.o.planSpace(); err != nil {
		return nil, err
	}
	if err := s.prepareCluster(ctx); err != nil {
		return nil, err
	}
	s.streams = s.o.eventStreams()
	flush, closeFlush, err := newFlush(o.Dir)
	if err != nil {
		return nil, err
	}
	s.closeFlush = closeFlush
	s.group = newGroup(between(flush), o.Synced, s.syncFailed)
	if err := s.startWithin(ctx); err != nil {
		return nil, err
	}
	if err := s.connect(); err != nil {
		return nil, err
	}
	s.look()
	run, stop := context.WithCancelCause(context.WithoutCancel(ctx))
	s.stop = stop
	s.running.Go(func() { s.group.run(run) })
	s.running.Go(func() { s.watch(run) })
	if s.desk != nil {
		s.running.Go(func() { s.desk.watchRoom(run) })
		s.running.Go(func() { s.desk.limitRemembered(run) })
	}
	if s.o.named() {
		s.running.Go(func() { s.seek(run) })
	}
	return s, nil
}

// start runs a new server in the folder.
func (s *Server) start() error {
	if err := s.o.mend(); err != nil {
		return err
	}
	if err := s.o.checkListeners(); err != nil {
		return err
	}
	o, err := s.serverOptions()
	if err != nil {
		return err
	}
	inner, err := server.NewServer(o)
	if err != nil {
		return fmt.Errorf("configure the embedded bus: %w", err)
	}
	log := s.o.serverLog()
	inner.SetLogger(log, false, false)
	s.guard.at(inner)
	inner.Start()
	if err := s.awaitListeners(inner, log.fatal); err != nil {
		inner.Shutdown()
		return err
	}
	if !inner.JetStreamEnabled() {
		inner.Shutdown()
		return fmt.Errorf("start the embedded bus in %s: its storage cannot be used: %w", s.o.Dir, bus.ErrUnavailable)
	}
	if err := s.enableJetStream(inner); err != nil {
		inner.Shutdown()
		return fmt.Errorf("start the embedded bus in %s: %w", s.o.Dir, err)
	}
	s.mu.Lock()
	s.inner, s.inherited = inner, s.faults(inner)
	s.mu.Unlock()
	s.joined.Store(false)
	return nil
}

func (s *Server) serverOptions() (*server.Options, error) {
	accounts, err := s.accounts()
	if err != nil {
		return nil, err
	}
	o := &server.Options{
		ServerName: "hookspan",
		DontListen: true,
		NoSigs:     true,

		Accounts:                   accounts.all(),
		CustomClientAuthentication: s.guard,

		JetStream:         true,
		StoreDir:          s.o.Dir,
		JetStreamMaxStore: unlimitedStore,
		SyncInterval:      syncInterval,
		SyncAlways:        s.o.Sync == Always,

		MaxPayload: int32(s.o.MaxPayload),
		MaxSubs:    clientSubscriptions,
		MaxPending: max(maxPending, 4*int64(s.o.MaxPayload)),
	}
	if s.o.clustered() {
		if err := s.clusterOptions(o); err != nil {
			return nil, err
		}
	}
	if s.o.Listen == "" {
		return o, nil
	}
	o.DontListen = false
	if o.Host, o.Port, err = splitPort(s.o.Listen); err != nil {
		return nil, fmt.Errorf("embedded bus: Listen: %w", err)
	}
	if o.Port == 0 {
		o.Port = server.RANDOM_PORT
	}
	o.MaxConn = mostConnections
	if s.o.TLS != nil {
		o.TLS, o.TLSConfig, o.TLSTimeout = true, s.o.TLS.Clone(), clientTLSTimeout
	}
	return o, nil
}

// MaxStore is the size limit of all streams in bytes, as given or as planned at Open.
func (s *Server) MaxStore() int64 { return s.o.MaxStore }

// EventStore and PrivateStore are the shares of MaxStore that events and what is kept beside
// them have.
func (s *Server) EventStore() int64   { return s.o.MaxStore / 100 * eventsShare }
func (s *Server) PrivateStore() int64 { return s.o.MaxStore / 100 * (100 - eventsShare) }

// Sync returns after a sync of the whole store that began after the call, in every mode.
func (s *Server) Sync(ctx context.Context) error { return s.group.Wait(ctx) }

// Durable returns once what the server has acknowledged before the call is as durable as the
// mode promises: after a sync that others share (group), or at once. In a cluster the
// acknowledgement itself says so: a sync of this server's copy alone would say nothing.
func (s *Server) Durable(ctx context.Context) error {
	if s.o.Sync == Group && !s.o.clustered() {
		return s.group.Wait(ctx)
	}
	return nil
}

// Close disconnects, stops the server cleanly and frees the folder. It may be called twice. A
// server of a cluster first hands over what it leads, so that the others go on at once; that
// takes about a second.
func (s *Server) Close() error {
	if s.stop != nil {
		s.stop(ErrClosed)
		s.running.Wait()
	}
	s.disconnect()
	s.shutdown((*server.Server).LameDuckShutdown)
	var errs []error
	if s.closeFlush != nil {
		errs = append(errs, s.closeFlush())
		s.closeFlush = nil
	}
	if s.lock != nil {
		errs = append(errs, s.lock.Close())
		s.lock = nil
	}
	return errors.Join(errs...)
}

// shutdown ends the server, in a cluster after it has left in the given way.
func (s *Server) shutdown(leave func(*server.Server)) {
	s.mu.Lock()
	inner := s.inner
	s.inner = nil
	s.mu.Unlock()
	if inner == nil {
		return
	}
	if s.o.clustered() {
		leave(inner)
	}
	inner.Shutdown()
	inner.WaitForShutdown()
}
