package main

import (
	"context"
	"log/slog"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/hookspan/hookspan/bridge/app"
	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/config"
)

// bridged is a bus of one kind, as a command uses it.
type bridged interface {
	// check finds what open would refuse, without a connection.
	check() error
	// open connects and brings up what Hookspan keeps there. After an error it may be called
	// again; what it has taken so far is kept for that.
	open(ctx context.Context) (app.Opened, error)
	// examine looks at what open has reached, whether or not it succeeded, and changes nothing.
	examine(ctx context.Context) []bus.Finding
	// close gives back whatever open took. It may be called without an open.
	close() error
}

// newBus is the only place that knows which buses there are.
func newBus(c *config.Config, log *slog.Logger, metrics prometheus.Registerer) bridged {
	switch c.Bus.Kind {
	case config.BusNATS:
		return &natsBus{conf: c, log: log, metrics: metrics}
	case config.BusKafka:
		return &kafkaBus{conf: c, log: log}
	}
	return &embeddedBus{conf: c, log: log, metrics: metrics}
}
