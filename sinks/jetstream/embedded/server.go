package embedded

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/sinks/jetstream"
	"github.com/hookspan/hookspan/sinks/jetstream/embedded/client"
	"github.com/hookspan/hookspan/sinks/jetstream/embedded/cluster"
	"github.com/hookspan/hookspan/sinks/jetstream/embedded/disk"
	"github.com/hookspan/hookspan/sinks/jetstream/link"
)

var (
	// ErrInUse: another process, or another Server of this one, has the data folder.
	ErrInUse = disk.ErrInUse
	// ErrOtherMode: the data folder was written by a server of another cluster, or by one alone.
	ErrOtherMode = cluster.ErrOtherMode
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

	cluster *cluster.Cluster // nil: the server is alone
	clients *client.Options  // nil without Listen
	desk    *client.Desk     // likewise

	stop       context.CancelCauseFunc
	running    sync.WaitGroup // the sync loop, the watch, the desk
	closeFlush func() error

	now    condition
	faults faults

	mu    sync.RWMutex
	inner *server.Server // nil while it is opened again, and after Close
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
	s.now.log = o.Log
	s.faults.clustered, s.faults.kept.clustered, s.faults.kept.dir = o.Clustered(), o.Clustered(), o.Dir
	defer func() {
		if err != nil && !errors.Is(err, errAbandoned) {
			s.Close()
		}
	}()
	if s.lock, err = disk.Lock(o.Dir); err != nil {
		return nil, err
	}
	if err := s.o.planSpace(); err != nil {
		return nil, err
	}
	if s.cluster, err = cluster.Join(ctx, o.Dir, &s.o.Membership, o.Log, s.o.ours); err != nil {
		return nil, err
	}
	s.o.tellOfFormer()
	s.admitClients()
	flush, closeFlush, err := disk.NewFlush(o.Dir)
	if err != nil {
		return nil, err
	}
	s.closeFlush = closeFlush
	s.group = newGroup(s.believed(between(flush)), o.Synced)
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
		s.running.Go(func() { s.desk.Run(run) })
	}
	if s.cluster != nil {
		s.running.Go(func() { s.cluster.Seek(run, s.current) })
	}
	return s, nil
}

// admitClients makes the guard, and what there is for clients where they may come in.
func (s *Server) admitClients() {
	s.guard = &guard{password: rand.Text(), log: s.o.Log}
	if s.o.Listen == "" {
		return
	}
	s.clients = &client.Options{
		Server: s.o.serverName(), Clustered: s.o.Clustered(), User: s.o.User, Password: s.o.Password,
		Publish: s.o.Publish, Read: s.o.Read, EventsAccount: eventsAccount,
		Streams: s.o.eventStreams(), Stream: s.o.Protect[0], EventStore: s.EventStore(), MostTopics: s.o.mostTopics, MostUnread: s.o.mostUnread,
		Usable: s.Usable, Running: s.current, Dial: s.dial, Process: s.process("hookspan desk, statuses"), Inbox: inboxPrefix, Log: s.o.Log,
	}
	s.guard.seats = client.NewSeats(s.clients)
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
	if err := mapEarly(inner); err != nil {
		return fmt.Errorf("configure the embedded bus: %w", err)
	}
	if err := s.openDoor(inner, o); err != nil {
		return err
	}
	inner.Start()
	if err := s.o.awaitListeners(inner, log.fatal); err != nil {
		inner.Shutdown()
		return err
	}
	if !inner.JetStreamEnabled() {
		inner.Shutdown()
		return fmt.Errorf("start the embedded bus in %s: its storage cannot be used: %w", s.o.Dir, bus.ErrUnavailable)
	}
	if err := s.o.enableJetStream(inner); err != nil {
		inner.Shutdown()
		return fmt.Errorf("start the embedded bus in %s: %w", s.o.Dir, err)
	}
	s.faults.opened(inner)
	s.mu.Lock()
	s.inner = inner
	s.mu.Unlock()
	if s.cluster != nil {
		s.cluster.Started()
	}
	return nil
}

// mapEarly has the server map what a client sends in the same packet as its CONNECT. It looks once for
// each packet whether the account has mappings, and before the first one every client is in this
// account; what it publishes then is mapped by its own.
func mapEarly(inner *server.Server) error {
	return inner.GlobalAccount().AddMapping("$HS.early", "$HS.nowhere")
}

// current is the server that runs now, nil when there is none.
func (s *Server) current() *server.Server {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.inner
}

func (s *Server) serverOptions() (*server.Options, error) {
	accounts, err := s.o.accounts(s.clients)
	if err != nil {
		return nil, err
	}
	o := &server.Options{
		ServerName: "hookspan",
		DontListen: true,
		NoSigs:     true,

		Accounts:                   accounts,
		CustomClientAuthentication: s.guard,

		JetStream:         true,
		StoreDir:          s.o.Dir,
		JetStreamMaxStore: unlimitedStore,
		SyncInterval:      syncInterval,
		SyncAlways:        s.o.Sync == Always,

		MaxPayload: int32(s.o.MaxPayload),
		MaxSubs:    client.Subscriptions,
		MaxPending: max(maxPending, 4*int64(s.o.MaxPayload)),
	}
	if s.cluster != nil {
		if err := s.cluster.Configure(o, s.o.Sync != Lazy, s.o.Listen != ""); err != nil {
			return nil, err
		}
	}
	if s.o.Listen == "" {
		return o, nil
	}
	o.DontListen = false
	if o.Host, o.Port, err = cluster.SplitPort(s.o.Listen); err != nil {
		return nil, fmt.Errorf("embedded bus: Listen: %w", err)
	}
	if o.Port == 0 {
		o.Port = server.RANDOM_PORT
	}
	o.MaxConn = s.o.Connections + client.OfTheDesk
	if s.o.TLS != nil {
		o.TLS, o.TLSConfig, o.TLSTimeout = true, s.o.TLS.Clone(), client.TLSTimeout
	}
	return o, nil
}

// MaxStore is the size limit of all streams in bytes, as given or as planned at Open.
func (s *Server) MaxStore() int64 { return s.o.MaxStore }

// EventStore and PrivateStore are the shares of MaxStore that events and what is kept beside
// them have.
func (s *Server) EventStore() int64   { return s.o.eventStore() }
func (s *Server) PrivateStore() int64 { return s.o.privateStore() }

// Sync returns after a sync of the whole store that began after the call, in every mode.
func (s *Server) Sync(ctx context.Context) error { return s.group.Wait(ctx) }

// Durable returns once what the server has acknowledged before the call is as durable as the
// mode promises: after a sync that others share (group), or at once. In a cluster the
// acknowledgement itself says so: a sync of this server's copy alone would say nothing.
func (s *Server) Durable(ctx context.Context) error {
	switch {
	case s.o.Clustered():
		return nil
	case s.o.Sync == Group:
		return s.group.Wait(ctx)
	case s.o.Sync == Always: // the server has synced it
		return s.believed(func() error { return nil })()
	}
	return nil
}

// Join is Durable for who is told. False: there is nothing to wait for, or Durable says why not.
func (s *Server) Join(w link.Waiter, turn uint64) bool {
	return s.o.Sync == Group && !s.o.Clustered() && s.group.join(w, turn)
}

// Close disconnects, stops the server cleanly and frees the folder. It may be called twice. A
// server of a cluster first hands over what it leads, so that the others go on at once; that
// takes about a second.
func (s *Server) Close() error {
	if s.stop != nil {
		s.stop(ErrClosed)
		s.running.Wait()
	}
	for _, nc := range s.ours() {
		if nc != nil {
			nc.Close()
		}
	}
	if s.desk != nil {
		s.desk.Close()
	}
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
	if s.o.Clustered() {
		leave(inner)
	}
	inner.Shutdown()
	inner.WaitForShutdown()
}
