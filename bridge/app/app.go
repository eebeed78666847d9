// Package app is the life of a Hookspan process: it puts the rooms together, starts them in
// the order that the promise needs, and stops them so that nothing is lost. It opens no bus
// and sends no webhook itself; whoever calls it brings both.
package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/config"
	"github.com/hookspan/hookspan/bridge/dispatch"
	"github.com/hookspan/hookspan/bridge/endpoint"
	"github.com/hookspan/hookspan/bridge/journal"
	"github.com/hookspan/hookspan/bridge/provider"
	"github.com/hookspan/hookspan/bridge/receiver"
)

// Shards is how many slices the endpoints are hashed into.
const Shards = 32

// A Bus is everything that the process keeps on the bus.
type Bus interface {
	bus.Store
	bus.History
	bus.Refusals
}

// Parts are what the caller brings. All are needed but Observer and Reload.
type Parts struct {
	Config  *config.Config
	Bus     Bus
	Health  func(context.Context) error // of the bus; nil is well
	Sender  dispatch.Sender
	Check   func(ctx context.Context, url string) (warning string, err error) // may an endpoint live there?
	Keys    Keys
	Version string
	Log     *slog.Logger
	Metrics *prometheus.Registry

	Observer dispatch.Observer              // also told of every attempt
	Reload   func() (*config.Config, error) // reads the configuration again; nil: never
	Hangup   <-chan struct{}                // asks for a reload; whoever makes it sends, nobody closes it
}

// An App is one process's worth of Hookspan. New, then Run.
type App struct {
	Parts
	registry   *endpoint.Registry
	dispatcher *dispatch.Dispatcher
	receiver   *receiver.Receiver
	index      *journal.Index

	intake, control net.Listener
	intakeServer    *http.Server
	controlServer   *http.Server

	current atomic.Pointer[config.Config] // as the newest reload left it
	state   atomic.Pointer[string]        // why the process is not ready; nil when it is
}

// New binds the listeners and puts the parts together; nothing is read or answered yet.
func New(p Parts) (_ *App, err error) {
	a := &App{Parts: p}
	a.current.Store(p.Config)
	a.notReady("starting")
	defer func() {
		if err != nil {
			a.closeListeners()
		}
	}()
	if err := a.bind(); err != nil {
		return nil, err
	}
	if err := a.assemble(); err != nil {
		return nil, err
	}
	return a, nil
}

func (a *App) assemble() error {
	c := a.Config
	catalog, err := provider.Load(c.ProvidersDir)
	if err != nil {
		return err
	}
	a.index = journal.New(journal.Options{})
	a.registry = endpoint.NewRegistry(a.Bus, a.Keys.Sealer, endpoint.Options{Check: a.checkEndpoint, Log: a.Log})
	a.dispatcher = dispatch.New(dispatch.Config{
		Store: a.Bus, Registry: a.registry, Sender: a.Sender, Observer: a.observer(),
		Shards: Shards, Topics: c.Topics, DeadTopic: c.Namespace + ".dead", OpsTopic: c.Namespace + ".ops",
		UserAgent: "Hookspan/" + a.Version, StopGrace: c.StopGrace, Log: a.Log, Metrics: a.Metrics,
	})
	check, err := schemaCheck()
	if err != nil {
		return err
	}
	a.receiver, err = receiver.New(receiver.Options{
		Sources: sources(c), Verifier: verifiers(catalog), Publisher: a.Bus, History: a.Bus, Refusals: a.Bus, Schema: check,
		TopicPrefix: c.TopicPrefix, QuarantineTopic: c.Namespace + ".quarantine",
		Retention: c.Retention, PublishTimeout: c.PublishTimeout, Memory: int64(c.IntakeMemory),
		TrustedProxies: c.TrustedProxies, Log: a.Log, Metrics: a.Metrics,
	})
	if err != nil {
		return err
	}
	a.measure()
	return a.serveWith(a.api())
}

// Run serves until ctx ends and returns when everything has been handed over. An error is
// one that no retry would mend.
func (a *App) Run(ctx context.Context) error {
	servers := a.serve()
	work, stopWork := context.WithCancel(context.WithoutCancel(ctx))
	defer stopWork()
	err := a.prepare(ctx)
	var working sync.WaitGroup
	if err == nil {
		failed := make(chan error, 2) // the two below send, once each
		working.Go(func() { failed <- a.dispatcher.Run(work) })
		working.Go(func() { failed <- a.registry.Run(work) })
		working.Go(func() { _ = a.receiver.Run(work) })
		working.Go(func() { a.watchConfig(work) })
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
	return errors.Join(err, a.stop(stopWork, &working))
}

// prepare brings the state up to date and opens the intake. A bus that is down, or a disk
// that is full, is waited for.
func (a *App) prepare(ctx context.Context) error {
	steps := []struct {
		name string
		do   func(context.Context) error
	}{
		{"read the endpoints", a.registry.Load},
		{"take over the configured endpoints", func(ctx context.Context) error { return a.adopt(ctx, a.Config) }},
		{"take the shards", a.dispatcher.Prepare},
		{"read the journal's tail", a.recall},
		{"read the ids of the dedup window", a.receiver.Open},
	}
	for _, step := range steps {
		a.notReady(step.name)
		for {
			err := step.do(ctx)
			if err == nil {
				break
			}
			if ctx.Err() != nil {
				return nil
			}
			if !passing(err) {
				return fmt.Errorf("%s: %w", step.name, err)
			}
			a.Log.Warn("start is waiting for the bus", slog.String("step", step.name), slog.Any("error", err))
			select {
			case <-ctx.Done():
				return nil
			case <-time.After(time.Second):
			}
		}
	}
	return nil
}

// passing: the error may end by itself.
func passing(err error) bool {
	return errors.Is(err, bus.ErrUnavailable) || errors.Is(err, bus.ErrDiskFull) || errors.Is(err, bus.ErrStoreFull)
}

// adopt takes over the endpoints of the environment and the file.
func (a *App) adopt(ctx context.Context, c *config.Config) error {
	byEnv, byFile := endpoints(c)
	if err := a.makeSecrets(append(byEnv[:len(byEnv):len(byEnv)], byFile...)); err != nil {
		return err
	}
	if err := a.registry.Adopt(ctx, byEnv, endpoint.ByEnvironment); err != nil {
		return err
	}
	return a.registry.Adopt(ctx, byFile, endpoint.ByFile)
}

// stop closes the intake, then delivery, then what answers about both.
func (a *App) stop(stopWork context.CancelFunc, working *sync.WaitGroup) error {
	a.notReady("stopping")
	ctx, cancel := context.WithTimeout(context.Background(), a.Config.StopGrace)
	defer cancel()
	intake := a.receiver.Close(ctx)
	if intake != nil {
		intake = fmt.Errorf("close the intake: %w", intake)
	}
	_ = a.intakeServer.Shutdown(ctx)
	stopWork()
	working.Wait()
	_ = a.controlServer.Close()
	a.closeListeners()
	return intake
}

func (a *App) notReady(why string) { a.state.Store(&why) }

func (a *App) ready() {
	a.state.Store(nil)
	a.Log.Info("ready", slog.String("intake", a.IntakeAddr()), slog.String("admin", a.AdminAddr()))
}

// Readiness is nil once intake can publish, else why not.
func (a *App) Readiness(ctx context.Context) error {
	if why := a.state.Load(); why != nil {
		return errors.New(*why)
	}
	return a.Health(ctx)
}
