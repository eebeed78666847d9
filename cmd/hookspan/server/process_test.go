package server

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

func (stuck) Open(context.Context) (app.Opened, error) { return app.Opened{}, bus.ErrUnavailable }
func (stuck) Check() error                             { return nil }
func (stuck) Examine(context.Context) []bus.Finding    { return nil }
func (stuck) Emptied() string                          { return "" }
func (s stuck) Close() error                           { <-s.until; return nil }

func TestABusThatDoesNotCloseIsLeft(t *testing.T) {
	t.Parallel()
	b := stuck{make(chan struct{})}
	defer close(b.until)
	p := &Process{App: &app.App{Parts: app.Parts{Log: slog.New(slog.DiscardHandler)}}, bus: b}
	if err := p.closeBy(time.Now()); err != nil {
		t.Error(err)
	}
}
