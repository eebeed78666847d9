package jetstream_test

import (
	"context"
	"errors"
	"testing"

	"github.com/hookspan/hookspan/sinks/jetstream/dial"
	"github.com/hookspan/hookspan/sinks/porttest"
)

func TestASilentServerDoesNotHoldUpAStop(t *testing.T) {
	t.Parallel()
	address, came := porttest.Silent(t)
	ctx, stop := context.WithCancelCause(t.Context())
	stopped := errors.New("stopped")
	go func() {
		<-came
		stop(stopped)
	}()
	if _, err := dial.Open(ctx, dial.Options{Servers: []string{address}}); !errors.Is(err, stopped) {
		t.Errorf("dial: %v, want that it ends with its context", err)
	}
}
