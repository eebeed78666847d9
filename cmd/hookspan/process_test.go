package main

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/hookspan/hookspan/bridge/app"
	"github.com/hookspan/hookspan/bridge/bus"
)

// A stuck bus never closes.
type stuck struct{ until chan struct{} }

func (stuck) open(context.Context) (app.Opened, error) { return app.Opened{}, bus.ErrUnavailable }
func (stuck) check() error                             { return nil }
func (stuck) examine(context.Context) []bus.Finding    { return nil }
func (s stuck) close() error                           { <-s.until; return nil }

func TestABusThatDoesNotCloseIsLeft(t *testing.T) {
	t.Parallel()
	b := stuck{make(chan struct{})}
	defer close(b.until)
	p := &process{App: &app.App{Parts: app.Parts{Log: slog.New(slog.DiscardHandler)}}, bus: b}
	if err := p.closeBy(time.Now()); err != nil {
		t.Error(err)
	}
}
