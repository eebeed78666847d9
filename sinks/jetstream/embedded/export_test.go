package embedded

import (
	"context"
	"log/slog"
	"strings"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/hookspan/hookspan/sinks/jetstream/embedded/client"
	"github.com/hookspan/hookspan/sinks/jetstream/embedded/cluster"
)

// OpenWithFlush is Open with a hand in between on the sync of the store.
func OpenWithFlush(ctx context.Context, o Options, between func(flush func() error) func() error) (*Server, error) {
	return open(ctx, o, between)
}

// StartOn starts a server that nobody has looked at the ports for, of a cluster with routes.
func StartOn(listen, routes string) error {
	o := Options{Dir: "nowhere", Listen: listen, Log: slog.New(slog.DiscardHandler)}
	running := &server.Options{NoSigs: true}
	var err error
	if running.Host, running.Port, err = cluster.SplitPort(listen); err != nil {
		return err
	}
	if routes != "" {
		o.Cluster, o.RoutesListen = "orders", routes
		running.Cluster.Name = o.Cluster
		if running.Cluster.Host, running.Cluster.Port, err = cluster.SplitPort(routes); err != nil {
			return err
		}
	}
	inner, err := server.NewServer(running)
	if err != nil {
		return err
	}
	log := o.serverLog()
	inner.SetLogger(log, false, false)
	inner.Start()
	defer inner.Shutdown()
	return o.awaitListeners(inner, log.fatal)
}

// Topics bounds with how many topics clients may still add one.
func (o *Options) Topics(most int) { o.mostTopics = most }

// Unread bounds what waits for clients.
func (o *Options) Unread(most int) { o.mostUnread = most }

// Interest is how many subscribe to a subject in the account of events.
func (s *Server) Interest(subject string) int {
	account, err := s.current().LookupAccount(eventsAccount)
	if err != nil {
		return 0
	}
	return account.Interest(subject)
}

// Intact asks for the files of the streams of the server that runs now, when it has ended, too.
func (s *Server) Intact() func() error {
	inner := s.current()
	return func() error { return s.faults.kept.intact(func() *server.Server { return inner }) }
}

// ServerLog is what the server says things to.
func (o *Options) ServerLog() server.Logger { return o.serverLog() }

// Unread is how many bytes wait for clients.
func (s *Server) Unread() int {
	_, sum := client.Unread(s.current())
	return sum
}

// Clients is how many are connected.
func (s *Server) Clients() (n int) {
	all, err := s.current().Connz(&server.ConnzOptions{Username: true})
	if err != nil {
		return 0
	}
	for _, c := range all.Conns {
		if strings.HasPrefix(c.Account, "SEAT_") {
			n++
		}
	}
	return n
}
