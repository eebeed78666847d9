package dispatch

import (
	"context"
	"slices"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/delivery"
	"github.com/hookspan/hookspan/bridge/endpoint"
	"github.com/hookspan/hookspan/bridge/feed"
	"github.com/hookspan/hookspan/bridge/setting"
	"github.com/hookspan/hookspan/bridge/transform"
)

// Preview is what an endpoint would be sent of the newest events that were stored since a time, at the
// most so many, the newest one first. Nothing is sent, and nothing recorded.
func (d *Dispatcher) Preview(ctx context.Context, ep *endpoint.Endpoint, most int, since time.Time) ([]delivery.Preview, error) {
	if err := enter(ctx, d.locating); err != nil {
		return nil, err
	}
	messages, err := d.partitions.Newest(ctx, feed.Quest{Most: most, Since: since})
	leave(d.locating)
	if err != nil {
		return nil, err
	}
	out, turn := d.outbound(ep), transform.NewTurn()
	all := make([]delivery.Preview, len(messages))
	for i := range messages {
		if all[i], err = d.preview(ctx, out, turn, &messages[i]); err != nil {
			return nil, err
		}
		messages[i].View = nil // it takes many times the event's room
	}
	return all, nil
}

func (d *Dispatcher) preview(ctx context.Context, out *outbound, turn *transform.Turn, m *bus.Message) (delivery.Preview, error) {
	p := delivery.Preview{Event: delivery.RefOf(m).Compact()}
	v, failed := d.judge(out.ep, m)
	switch {
	case v == endpoint.FilterFailed:
		p.Skipped, p.Detail = delivery.SkippedFilterError, failed.Error()
		return p, nil
	case v == endpoint.NotTaken && out.ep.TakesUnfiltered(m) && d.conf.telling().About(m) != out.ep.Name:
		p.Skipped, p.Detail = delivery.SkippedFilters, "the filters do not hold"
		return p, nil
	case v == endpoint.NotTaken:
		p.Skipped, p.Detail = delivery.SkippedUnmatched, "its type, topic or tenant is not among those that the endpoint takes"
		return p, nil
	}
	made, err := d.transform(ctx, turn, out.ep, m.Event)
	switch {
	case ctx.Err() != nil:
		return p, ctx.Err()
	case err != nil:
		p.Skipped, p.Detail = delivery.SkippedTransform, err.Error()
		return p, nil
	case made == nil && !out.ep.Transform.IsZero():
		p.Skipped, p.Detail = delivery.SkippedFiltered, "the transform yields null"
		return p, nil
	}
	ref := delivery.RefOf(m)
	would := &pendingDelivery{Entry: &delivery.Entry{ID: delivery.ID(out.ep.ID, &ref), Endpoint: out.ep.ID, Event: ref, Number: 1}, event: m.Event}
	if out.batched() {
		would.Batch = delivery.BatchID(would.ID)
	}
	req, err := out.shaped([]*pendingDelivery{would}, made, time.Now())
	if err != nil {
		p.Skipped, p.Detail = delivery.Skipped(reasonOf(err)), err.Error()
		return p, nil
	}
	for name, values := range req.Header {
		if slices.ContainsFunc(values, func(v string) bool { return out.hiding.hides(name, v) }) {
			req.Header[name] = []string{setting.Hidden} // a provider's signature may be the secret itself
		}
	}
	p.Request = &req
	return p, nil
}
