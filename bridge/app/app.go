// Package app is the life of a Hookspan process: it puts the rooms together, starts them in
// the order that the promise needs, and stops them so that nothing is lost. It knows no bus
// and sends no webhook itself; whoever calls it brings both.
//
// The listeners answer from the beginning: while the bus is opened, and while it is away,
// health is well, readiness says what is waited for, and intake answers 503. What a process
// does beyond that follows from its roles (roles.go).
package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/hookspan/hookspan/bridge/alert"
	"github.com/hookspan/hookspan/bridge/config"
	"github.com/hookspan/hookspan/bridge/delivery"
	"github.com/hookspan/hookspan/bridge/dispatch"
	"github.com/hookspan/hookspan/bridge/endpoint"
	"github.com/hookspan/hookspan/bridge/journal"
	"github.com/hookspan/hookspan/bridge/logline"
	"github.com/hookspan/hookspan/bridge/provider"
	"github.com/hookspan/hookspan/bridge/receiver"
	"github.com/hookspan/hookspan/bridge/tracing"
)

// Shards is how many slices the endpoints are hashed into.
const Shards = 32

// Parts are what the caller brings. All are needed but those at the end.
type Parts struct {
	Config *config.Config
	// Open opens the bus. After an error that passes by itself (bus.ErrUnavailable,
	// bus.ErrDiskFull, bus.ErrStoreFull) it is called again; any other ends the process.
	Open    func(context.Context) (Opened, error)
	Sender  delivery.Sender
	Check   EgressCheck
	Version string
	Log     *slog.Logger
	Metrics *prometheus.Registry

	Asker    delivery.Asker                 // nil: no handshakes are made
	Fetcher  provider.Fetcher               // nil: no keys of senders are fetched
	Mail     alert.Sender                   // nil: no alerts are mailed
	Tracer   *tracing.Tracer                // nil: no traces
	LogLevel *logline.Level                 // of Log; nil: it cannot be changed
	Observer delivery.Observer              // also told of every attempt
	Reload   func() (*config.Config, error) // reads the configuration again; nil: never
	Hangup   <-chan struct{}                // asks for a reload; whoever makes it sends, nobody closes it
}

// An App is one process's worth of Hookspan. New, then Run.
type App struct {
	Parts
	doors
	catalog catalogue
	schemas declaring

	// Those of a role that the process does not have are nil, and all are until the bus is
	// open; only Run, and what it starts, uses them.
	registry   *endpoint.Registry
	dispatcher *dispatch.Dispatcher
	receiver   *receiver.Receiver
	index      *journal.Index
	mailer     *alert.Mailer

	current atomic.Pointer[config.Config] // as the newest reload left it
	opened  atomic.Pointer[Opened]        // nil until the bus is open
	keys    atomic.Pointer[Keys]          // nil until the bus is open
	state   atomic.Pointer[string]        // why the process is not ready; nil when it is

	reloading *reloading
	keyring   *keyring
	resolved  *prometheus.CounterVec // dead letters and quarantined events, by what became of them

	stopBy time.Time // when the stop has to be over; set by Run
}

// New binds the listeners. Nothing is read or answered before Run.
func New(p Parts) (_ *App, err error) {
	a := &App{Parts: p, doors: doors{conf: p.Config, log: p.Log, metrics: p.Metrics}}
	a.reloading, a.keyring = newReloading(a), newKeyring(a)
	a.current.Store(p.Config)
	a.notReady("starting")
	defer func() {
		if err != nil {
			a.doors.close()
		}
	}()
	catalog, err := provider.Load(p.Config.ProvidersDir)
	if err != nil {
		return nil, err
	}
	set, err := dataSchemas(p.Config)
	if err != nil {
		return nil, fmt.Errorf("HOOKSPAN_SCHEMAS_DIR: %w", err)
	}
	a.catalog.Store(catalog)
	a.schemas.Store(set)
	a.reloading.whole.catalog, a.reloading.whole.schemas = catalog, set
	if err := a.bind(); err != nil {
		return nil, err
	}
	a.measure()
	return a, a.makeServers(a.probes())
}

// Run serves until ctx ends and returns when everything has been handed over. An error is
// one that no retry would mend.
func (a *App) Run(ctx context.Context) error {
	servers := a.serve()
	w := newWorkers(ctx)
	err := a.prepare(ctx)
	if err == nil && ctx.Err() == nil {
		failed := a.work(w)
		a.ready()
		select {
		case <-ctx.Done():
		case err = <-failed:
		case err = <-servers:
		}
	}
	if ctx.Err() != nil {
		err = nil
	}
	return errors.Join(err, a.stop(w))
}

func (a *App) notReady(why string) { a.state.Store(&why) }

func (a *App) ready() {
	a.state.Store(nil)
	a.Log.Info("ready", slog.String("intake", a.IntakeAddr()), slog.String("admin", a.AdminAddr()))
}

// Readiness is nil once intake can publish (without that role: once the bus takes events),
// else why not.
func (a *App) Readiness(ctx context.Context) error {
	if why := a.state.Load(); why != nil {
		return errors.New(*why)
	}
	ctx, cancel := context.WithTimeout(ctx, healthTime)
	defer cancel()
	return a.health(ctx)
}

// healthTime bounds a look at the bus's health.
const healthTime = 3 * time.Second
