package endpoint

import (
	"context"

	"github.com/hookspan/hookspan/bridge/bus"
)

// Propose is an endpoint as it would be after an edit, held to all that a registration asks for, and
// as if it had always been so and were active: it judges events at any place. Nothing is written.
// Errors: InvalidError.
func (r *Registry) Propose(ctx context.Context, e *Endpoint) (*Endpoint, error) {
	if err := r.validate(ctx, e); err != nil {
		return nil, err
	}
	next := e.Clone()
	period := r.periodOf(next)
	period.From, period.Active = bus.Positions{}, true
	next.Periods = []Period{period}
	return next, next.compile()
}
