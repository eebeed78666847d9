package dispatch

import (
	"context"
	"errors"

	"github.com/hookspan/hookspan/bridge/delivery"
	"github.com/hookspan/hookspan/bridge/endpoint"
	"github.com/hookspan/hookspan/bridge/event"
	"github.com/hookspan/hookspan/bridge/transform"
)

// transform is what the endpoint's transform makes of an event; nil where it has none, and where
// nothing is to be sent. It waits for other events of the endpoint.
func (d *Dispatcher) transform(ctx context.Context, turn *transform.Turn, ep *endpoint.Endpoint, e *event.Event) (*transform.Request, error) {
	if ep.Transform.IsZero() {
		return nil, nil
	}
	return d.transforms.Apply(ctx, turn, ep.Transform, e)
}

// A forbiddenHeader is one that a transform must not set.
type forbiddenHeader struct{ fault endpoint.FieldError }

func (f *forbiddenHeader) Error() string {
	return "the transform: " + f.fault.Field + " " + f.fault.Message
}

// reasonOf is why a request could not be made.
func reasonOf(err error) delivery.Reason {
	var forbidden *forbiddenHeader
	if errors.As(err, &forbidden) {
		return delivery.ReasonTransform
	}
	return delivery.ReasonProtocol
}
