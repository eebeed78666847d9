package dispatch

import (
	"io"
	"log/slog"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/hookspan/hookspan/bridge/dispatch/dispatchtest"
	"github.com/hookspan/hookspan/bridge/endpoint"
)

// An eager registry is scraped the moment that it takes a collector.
type eager struct {
	*prometheus.Registry
	t *testing.T
}

func (r eager) MustRegister(cs ...prometheus.Collector) {
	r.Registry.MustRegister(cs...)
	if _, err := r.Gather(); err != nil {
		r.t.Error(err)
	}
}

func TestAScrapeMayComeWhileADispatcherIsMade(t *testing.T) {
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	store := dispatchtest.New().Connect()
	New(Config{
		Store: store, Registry: endpoint.NewRegistry(store, nil, endpoint.Options{Log: log}), Observer: silent{}, Shards: 1,
		Topics: []string{"events"}, Log: log, Metrics: eager{prometheus.NewRegistry(), t},
	})
}
