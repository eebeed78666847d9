package adapter

import (
	"context"
	"log/slog"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/hookspan/hookspan/bridge/app"
	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/config"
)

// A Bus is one of its kind, as a command uses it.
type Bus interface {
	// Check finds what open would refuse, without a connection.
	Check() error
	// Open connects and brings up what Hookspan keeps there. After an error it may be called
	// again; what it has taken so far is kept for that.
	Open(ctx context.Context) (app.Opened, error)
	// Examine looks at what open has reached, whether or not it succeeded, and changes nothing.
	Examine(ctx context.Context) []bus.Finding
	// Emptied says how it becomes a bus without anything of ours, to somebody who has stopped all
	// servers of the namespace.
	Emptied() string
	// Close gives back whatever open took. It may be called without an open.
	Close() error
}

// Listening is a bus with listeners of its own, once it is open.
type Listening interface {
	Listeners() []string
	ClientURL() string
}

// adapters are all buses that there are, as bridge/config lists them.
func adapters() map[config.BusKind]func(*config.Config, *slog.Logger, prometheus.Registerer) Bus {
	return map[config.BusKind]func(*config.Config, *slog.Logger, prometheus.Registerer) Bus{
		config.BusEmbedded: newEmbedded,
		config.BusNATS:     newNATS,
		config.BusKafka:    newKafka,
	}
}

// New is the configured bus. It does nothing yet.
func New(c *config.Config, log *slog.Logger, metrics prometheus.Registerer) Bus {
	return adapters()[c.Bus.Kind](c, log, metrics)
}

// Planned are the listeners that the bus of this configuration will have.
func Planned(c *config.Config) []string {
	if b, ok := New(c, nil, nil).(interface{ planned() []string }); ok {
		return b.planned()
	}
	return nil
}

// MaxBytes is the largest event that the bus of this configuration takes; 0 where only the bus knows,
// because others run it.
func MaxBytes(c *config.Config) int64 {
	if b, ok := New(c, nil, nil).(interface{ maxBytes() int64 }); ok {
		return b.maxBytes()
	}
	return 0
}
