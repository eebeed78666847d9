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
	req, err := out.request([]*pendingDelivery{trial}, now)
	if err != nil {
		return delivery.Attempt{}, err
	}
	req.Whole = true
	res := d.sender.Send(ctx, req)
	ended := time.Now().UTC()
	request := out.hiding.exchange(&req, &res)
	a := delivery.Attempt{
		Delivery: id, Endpoint: ep.ID, Event: ref, Number: 1, Sent: now, Received: ended,
		Request: request, Status: res.Status, Reason: res.Reason, Detail: res.Detail,
		Headers: res.Headers, Address: res.Address, Phases: res.Phases,
	}
	a.Response, a.Binary = recorded(&res, failureBytes)
	if res.Reason == "" {
		a.Outcome = delivery.Delivered
	}
	return a, nil
}
