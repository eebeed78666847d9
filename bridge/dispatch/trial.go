package dispatch

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"time"

	"github.com/hookspan/hookspan/bridge/delivery"
	"github.com/hookspan/hookspan/bridge/endpoint"
	"github.com/hookspan/hookspan/bridge/event"
	"github.com/hookspan/hookspan/bridge/tenant"
	"github.com/hookspan/hookspan/bridge/transform"
)

// Test sends one event of a type to an endpoint now, outside its lane, and returns what came
// of it. Nothing is recorded and nothing is tried again.
func (d *Dispatcher) Test(ctx context.Context, ep *endpoint.Endpoint, eventType string) (delivery.Attempt, error) {
	now := time.Now().UTC()
	data, _ := json.Marshal(map[string]any{"test": true, "endpoint": ep.Name}) // always marshals
	e := &event.Event{
		ID: "test-" + rand.Text(), Source: "/hookspan/test", Type: eventType, Time: now,
		DataContentType: "application/json", Data: data,
	}
	if ep.Tenant != "" {
		e.SetExtension(tenant.Attribute, ep.Tenant)
	}
	ref := delivery.EventRef{ID: e.ID, Source: e.Source, Type: e.Type, Tenant: ep.Tenant}
	id := delivery.ID(ep.ID, &ref)
	trial := &pendingDelivery{Entry: &delivery.Entry{ID: id, Endpoint: ep.ID, Event: ref, Number: 1, Batch: ""}, event: e}
	out := d.outbound(ep)
	if out.batched() {
		trial.Batch = delivery.BatchID(trial.ID)
	}
	made, err := d.transform(ctx, transform.NewTurn(), ep, e)
	a := delivery.Attempt{Delivery: id, Endpoint: ep.ID, Event: ref, Number: 1, Sent: now, Received: now}
	switch {
	case err != nil:
		a.Reason, a.Detail = delivery.ReasonTransform, err.Error()
		return a, nil
	case made == nil && !ep.Transform.IsZero():
		a.Outcome, a.Ended, a.Detail = delivery.Discarded, delivery.EndedFiltered, "the transform yields null"
		return a, nil
	}
	req, err := out.shaped([]*pendingDelivery{trial}, made, now)
	switch {
	case err != nil && reasonOf(err) == delivery.ReasonTransform:
		a.Reason, a.Detail = delivery.ReasonTransform, err.Error()
		return a, nil
	case err != nil:
		return delivery.Attempt{}, err
	}
	req.Whole = true
	res := d.sender.Send(ctx, req)
	a.Received, a.Status, a.Reason, a.Detail = time.Now().UTC(), res.Status, res.Reason, res.Detail
	a.Request = out.hiding.exchange(&req, &res)
	a.Headers, a.Address, a.Phases = res.Headers, res.Address, res.Phases
	a.Response, a.Binary = recorded(&res, failureBytes)
	if res.Reason == "" {
		a.Outcome = delivery.Delivered
	}
	return a, nil
}
