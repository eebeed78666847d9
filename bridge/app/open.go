package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
)

// A Bus is everything that the process keeps on the bus.
type Bus interface {
	bus.Store
	bus.History
	bus.Refusals
	bus.Kept
}

// Opened is a bus that can be worked on.
type Opened struct {
	Bus    Bus
	Shared bus.Shared // nil: no other process uses the bus
	// Health is nil while the bus takes events; else the error says in words what is wrong
	// and wraps bus.ErrUnavailable, bus.ErrDiskFull or bus.ErrStoreFull.
	Health func(context.Context) error
}

// openRetry is the pause between two tries of what waits for the bus.
const openRetry = time.Second

// A step brings the process forward on its way to being ready. One without a name has errors
// that speak for themselves.
type step struct {
	name string
	do   func(context.Context) error
}

func (s *step) explain(err error) error {
	if s.name == "" {
		return err
	}
	return fmt.Errorf("%s: %w", s.name, err)
}

// prepare opens the bus, brings the state up to date and opens the intake. A bus that is down,
// or a disk that is full, is waited for.
func (a *App) prepare(ctx context.Context) error {
	if err := a.through(ctx, []step{
		{"", a.open},
		{"read the process's own keys", a.loadKeys},
		{"put the parts together", func(context.Context) error { return a.assemble() }},
	}); err != nil || ctx.Err() != nil {
		return err
	}
	return a.through(ctx, a.steps())
}

// through takes the steps one after the other until ctx ends.
func (a *App) through(ctx context.Context, steps []step) error {
	for _, s := range steps {
		if s.name != "" {
			a.notReady("starting: " + s.name)
		}
		told := ""
		for {
			err := s.do(ctx)
			if err == nil {
				break
			}
			if ctx.Err() != nil {
				return nil
			}
			if err = s.explain(err); !passing(err) {
				return err
			}
			a.notReady("waiting for the bus: " + err.Error())
			if why := err.Error(); why != told { // once, however long it lasts
				told = why
				a.Log.Warn("start is waiting for the bus", slog.Any("error", err))
			}
			select {
			case <-ctx.Done():
				return nil
			case <-time.After(openRetry):
			}
		}
	}
	return nil
}

// passing: the error may end by itself.
func passing(err error) bool {
	return errors.Is(err, bus.ErrUnavailable) || errors.Is(err, bus.ErrDiskFull) || errors.Is(err, bus.ErrStoreFull)
}

func (a *App) open(ctx context.Context) error {
	o, err := a.Open(ctx)
	if err != nil {
		return err
	}
	a.opened.Store(&o)
	return nil
}

// health is the bus's; one that is not open yet takes no events.
func (a *App) health(ctx context.Context) error {
	o := a.opened.Load()
	if o == nil {
		return fmt.Errorf("%w: it is not open yet", bus.ErrUnavailable)
	}
	return o.Health(ctx)
}
