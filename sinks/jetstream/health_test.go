package jetstream_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/sinks/jetstream"
	"github.com/hookspan/hookspan/sinks/jetstream/dial"
	"github.com/hookspan/hookspan/sinks/jetstream/natstest"
	"github.com/hookspan/hookspan/sinks/proxytest"
)

// Who asks how the bus is waits no longer than it wants to, although another one is still
// waiting for a server that does not answer.
func TestHealthWaitsForNobodyElse(t *testing.T) {
	t.Parallel()
	alone := natstest.Start(t, 1, natstest.Config{})
	user, password := alone.Account()
	proxy := proxytest.Start(t, alone.Addr(0))
	conns, err := dial.Open(t.Context(), dial.Options{Servers: []string{proxy.Address}, User: user, Password: password})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conns.Close)
	store, err := jetstream.Open(t.Context(), conns, jetstream.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	proxy.Cut(proxytest.Silent)
	patient := make(chan error, 1)
	go func() { patient <- store.Health(within(t)) }()
	eventually(t, "somebody asks", store.Asks)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := store.Health(ctx); !errors.Is(err, bus.ErrUnavailable) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("the impatient one: %v", err)
	}
	select {
	case err := <-patient:
		t.Errorf("the impatient one waited for the patient one, who was told %v", err)
	default:
	}
	if err := <-patient; !errors.Is(err, bus.ErrUnavailable) {
		t.Errorf("the patient one: %v", err)
	}
}
