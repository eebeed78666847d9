package embedded

import (
	"context"
	"log/slog"

	"github.com/nats-io/nats-server/v2/server"
)

// OpenWithFlush is Open with a hand in between on the sync of the store.
func OpenWithFlush(ctx context.Context, o Options, between func(flush func() error) func() error) (*Server, error) {
	return open(ctx, o, between)
}

// StartOn starts a server that nobody has looked at the port for.
func StartOn(host string, port int) error {
	o := Options{Dir: "nowhere", Log: slog.New(slog.DiscardHandler)}
	inner, err := server.NewServer(&server.Options{Host: host, Port: port, NoSigs: true})
	if err != nil {
		return err
	}
	log := o.serverLog()
	inner.SetLogger(log, false, false)
	inner.Start()
	defer inner.Shutdown()
	return o.awaitListeners(inner, log.fatal)
}

// Remembering bounds how many requests of clients the server remembers.
func (o *Options) Remembering(most int) { o.mostRemembered = most }

// Remembered is how many it does.
func (s *Server) Remembered() int { return s.desk.Remembered() }

// Intact asks for the files of the streams of the server that runs now, when it has ended, too.
func (s *Server) Intact() func() error {
	inner := s.current()
	return func() error { return s.faults.kept.intact(func() *server.Server { return inner }) }
}
