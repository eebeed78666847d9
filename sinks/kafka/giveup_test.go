package kafka_test

import (
	"context"
	"errors"
	"testing"

	"github.com/hookspan/hookspan/sinks/kafka"
	"github.com/hookspan/hookspan/sinks/porttest"
)

func TestASilentBrokerDoesNotHoldUpAStop(t *testing.T) {
	t.Parallel()
	address, came := porttest.Silent(t)
	ctx, stop := context.WithCancelCause(t.Context())
	stopped := errors.New("stopped")
	go func() {
		<-came
		stop(stopped)
	}()
	if _, err := kafka.Open(ctx, kafka.Options{Brokers: []string{address}}); !errors.Is(err, stopped) {
		t.Errorf("open: %v, want that it ends with its context", err)
	}
}
