package ops

import (
	"context"
	"fmt"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/event"
)

// A Teller publishes operations events.
type Teller struct {
	publisher bus.Publisher
	topic     string
	told      *prometheus.CounterVec
}

// NewTeller tells on a topic. A nil metrics counts for nobody.
func NewTeller(publisher bus.Publisher, topic string, metrics prometheus.Registerer) *Teller {
	t := &Teller{publisher: publisher, topic: topic, told: prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "hookspan_operations_events_total", Help: "Operations events, by type and whether the bus took them.",
	}, []string{"type", "outcome"})}
	for _, kind := range Types() {
		t.told.WithLabelValues(string(kind), published)
		t.told.WithLabelValues(string(kind), failed)
	}
	if metrics != nil {
		metrics.MustRegister(t.told)
	}
	return t
}

// Whether the bus took an event.
const (
	published = "published"
	failed    = "failed"
)

// Tell publishes an event, once: what it tells is in the log as well. It may use the room that is
// kept back from intake.
func (t *Teller) Tell(ctx context.Context, e *event.Event) error {
	_, err := t.publisher.Publish(ctx, t.topic, e, bus.PublishOptions{Reserved: true, Key: "ops " + e.ID})
	if err != nil {
		t.told.WithLabelValues(e.Type, failed).Inc()
		return fmt.Errorf("tell %s: %w", e.Type, err)
	}
	t.told.WithLabelValues(e.Type, published).Inc()
	return nil
}
