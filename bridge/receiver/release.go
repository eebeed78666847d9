package receiver

import (
	"context"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/event"
)

// Releases publishes what the quarantine gives back, so that intake knows it again like an event of
// its own: what comes later under the same id is a repeat, or another event.
type Releases struct {
	bus.Publisher
	Receiver *Receiver // of this process; nil: others have the intake, and hear of it from the bus
}

// Publish implements bus.Publisher.
func (p Releases) Publish(ctx context.Context, topic string, e *event.Event, o bus.PublishOptions) (bus.Receipt, error) {
	now := time.Now()
	o.Mark = MarkOf("", e, now)
	receipt, err := p.Publisher.Publish(ctx, topic, e, o)
	if err == nil && p.Receiver != nil {
		err = p.Receiver.past.recall(bus.Publication{Topic: topic, Source: e.Source, ID: e.ID, At: now, Mark: o.Mark})
	}
	return receipt, err
}
