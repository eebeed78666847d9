package embedded

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/sinks/jetstream"
)

var (
	// ErrInUse: another process, or another Server of this one, has the data folder.
	ErrInUse = errors.New("data folder is in use by another process")
	// ErrClosed: the server was closed.
	ErrClosed = fmt.Errorf("embedded bus is closed: %w", bus.ErrUnavailable)
)

// startTimeout bounds how long the server may take to recover its streams. Five million
// messages take about five seconds, sixteen with a cold disk.
const startTimeout = 5 * time.Minute

// A Server is the embedded bus. Its methods may be called from any goroutine.
type Server struct {
	o     Options
	login logins
	lock  *os.File
	group *group
	conns jetstream.Conns

	stop       context.CancelCauseFunc
	running    sync.WaitGroup // the sync loop and the watch
	closeFlush func() error

	trouble atomic.Pointer[trouble] // nil: all is well
	free    atomic.Int64            // bytes of the volume at the last look

	suspect map[string]bool // faults at the last look; watch alone uses it

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
	s := &Server{o: o}
	defer func() {
		if err != nil {
			s.Close()
		}
	}()
	if s.lock, err = lockDir(o.Dir); err != nil {
		return nil, err
	}
	if err := s.o.planSpace(); err != nil {
		return nil, err
	}
	flush, closeFlush, err := newFlush(o.Dir)
	if err != nil {
		return nil, err
	}
	s.closeFlush = closeFlush
	s.group = newGroup(between(flush), o.Synced, s.syncFailed)
	s.login = s.o.logins()
	if err := s.start(); err != nil {
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
	return s, nil
}

// start runs a new server in the folder.
func (s *Server) start() error {
	if err := s.mend(); err != nil {
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
	inner.SetLogger(serverLog{s.o.Log}, false, false)
	inner.Start()
	if !inner.ReadyForConnections(startTimeout) {
		inner.Shutdown()
		return fmt.Errorf("start the embedded bus in %s: not ready after %v", s.o.Dir, startTimeout)
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
	s.inner, s.inherited = inner, faults(inner)
	s.mu.Unlock()
	return nil
}

func (s *Server) serverOptions() (*server.Options, error) {
	o := &server.Options{
		ServerName: "hookspan",
		DontListen: true,
		NoSigs:     true,

		Accounts:   s.login.accounts,
		Users:      s.login.users,
		NoAuthUser: s.login.anonymous,

		JetStream:         true,
		StoreDir:          s.o.Dir,
		JetStreamMaxStore: unlimitedStore,
		SyncInterval:      syncInterval,
		SyncAlways:        s.o.Sync == Always,

		MaxPayload: int32(s.o.MaxPayload),
		MaxPending: max(server.MAX_PENDING_SIZE, 4*int64(s.o.MaxPayload)),
	}
	if s.o.Listen == "" {
		return o, nil
	}
	host, port, err := net.SplitHostPort(s.o.Listen)
	if err != nil {
		return nil, fmt.Errorf("embedded bus: Listen: %w", err)
	}
	o.DontListen, o.Host = false, host
	if o.Port, err = strconv.Atoi(port); err != nil {
		return nil, fmt.Errorf("embedded bus: Listen %q: the port is not a number", s.o.Listen)
	}
	if o.Port == 0 {
		o.Port = server.RANDOM_PORT
	}
	return o, nil
}

// connect makes the connections that the adapter works on. They come back by themselves when
// the server was opened again; nothing is buffered meanwhile, a publish fails at once.
func (s *Server) connect() error {
	dial := func(name, user string) (*nats.Conn, error) {
		nc, err := nats.Connect("", nats.InProcessServer(s), nats.Name(name),
			nats.UserInfo(user, s.login.password), nats.CustomInboxPrefix(inboxPrefix),
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
	var err error
	if s.conns.Events, err = dial("hookspan publish", eventsUser); err != nil {
		return err
	}
	if s.conns.Read, err = dial("hookspan read", eventsUser); err != nil {
		return err
	}
	s.conns.Private, err = dial("hookspan private", privateUser)
	return err
}

// Conns are the connections to the server. They are the Server's to close.
func (s *Server) Conns() jetstream.Conns { return s.conns }

// InProcessConn connects to whichever server runs now. It makes a Server what nats.go calls
// a provider of connections.
func (s *Server) InProcessConn() (net.Conn, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.inner == nil {
		return nil, ErrClosed
	}
	return s.inner.InProcessConn()
}

// ClientURL is where NATS clients connect, "" without Listen.
func (s *Server) ClientURL() string {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.o.Listen == "" || s.inner == nil {
		return ""
	}
	return s.inner.ClientURL()
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
// mode promises: after a sync that others share (group), or at once.
func (s *Server) Durable(ctx context.Context) error {
	if s.o.Sync == Group {
		return s.group.Wait(ctx)
	}
	return nil
}

// Close disconnects, stops the server cleanly and frees the folder. It may be called twice.
func (s *Server) Close() error {
	if s.stop != nil {
		s.stop(ErrClosed)
		s.running.Wait()
	}
	for _, nc := range []*nats.Conn{s.conns.Events, s.conns.Read, s.conns.Private} {
		if nc != nil {
			nc.Close()
		}
	}
	s.shutdown()
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

func (s *Server) shutdown() {
	s.mu.Lock()
	inner := s.inner
	s.inner = nil
	s.mu.Unlock()
	if inner != nil {
		inner.Shutdown()
		inner.WaitForShutdown()
	}
}
