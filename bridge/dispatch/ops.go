package dispatch

import (
	"context"
	"log/slog"
	"strconv"
	"time"

	"github.com/hookspan/hookspan/bridge/delivery"
	"github.com/hookspan/hookspan/bridge/endpoint"
	"github.com/hookspan/hookspan/bridge/event"
	"github.com/hookspan/hookspan/bridge/logline"
	"github.com/hookspan/hookspan/bridge/ops"
	"github.com/hookspan/hookspan/bridge/tenant"
)

// Operations events tell operators, through the bus, what a person should look at.
const (
	opsDisabled = "hookspan.endpoint.disabled"

	opsExhausted = "hookspan.delivery.exhausted"
	opsExpired   = "hookspan.delivery.expired"
	opsTimeout   = 5 * time.Second
)

// opsEndpoint is in everything that is told about an endpoint.
type opsEndpoint = ops.AboutEndpoint

// opsDelivery is the operations event of a delivery that ended without success; nil where
// there is none for the reason.
func opsDelivery(why delivery.Ended, ep *endpoint.Endpoint, d *pendingDelivery) *event.Event {
	kind, made := "", d.Number
	switch why {
	case delivery.EndedExhausted:
		kind = opsExhausted
	case delivery.EndedExpired:
		kind, made = opsExpired, d.Number-1 // the next one was not made
	default:
		return nil
	}
	return opsEvent(kind, d.ID, ep, ops.Ended{
		Delivery: d.ID, AboutEndpoint: opsEndpoint{Endpoint: ep.ID, Name: ep.Name, Reason: string(why)}, Attempts: made,
		Event: ops.Original{ID: d.Event.ID, Source: d.Event.Source, Type: d.Event.Type, Subject: d.Event.Subject, Topic: d.Event.Topic},
	})
}

func opsEvent(kind, id string, ep *endpoint.Endpoint, data any) *event.Event {
	e := ops.New(ops.Type(kind), id, ep.Name, data)
	if ep.Tenant != "" { // what is told about its endpoint is the tenant's, and nobody else's
		e.SetExtension(tenant.Attribute, ep.Tenant)
	}
	return e
}

// ops publishes an operations event. It is tried once: what it tells is in the log and in
// the journal as well.
func (d *Dispatcher) ops(e *event.Event) (told bool) {
	if e == nil {
		return true
	}
	ctx, cancel := context.WithTimeout(d.attemptsCtx, opsTimeout)
	defer cancel()
	err := d.conf.Teller.Tell(ctx, e)
	if err != nil {
		d.trouble.Warn("operations event not published", err, slog.String("type", e.Type), slog.String("subject", e.Subject))
	}
	return err == nil
}

func itoa(n int) string { return strconv.Itoa(n) }

// logAttempt writes the one line of an attempt.
func (d *Dispatcher) logAttempt(ep *endpoint.Endpoint, first *pendingDelivery, res *delivery.Response, v verdict, took time.Duration, members int) {
	level := slog.LevelInfo
	switch {
	case v.Outcome == delivery.Delivered:
		level = slog.LevelDebug
	case v.Outcome != "":
		level = slog.LevelWarn
	}
	if !d.log.Enabled(context.Background(), level) {
		return
	}
	attrs := []slog.Attr{
		slog.String("endpoint", ep.Name), slog.String("delivery", first.ID), slog.String("event", first.Event.ID),
		slog.String("type", first.Event.Type), slog.Int("attempt", first.Number), logline.Took(took),
	}
	if first.Event.Tenant != "" {
		attrs = append(attrs, slog.String("tenant", first.Event.Tenant))
	}
	if members > 1 {
		attrs = append(attrs, slog.Int("members", members))
	}
	if res.Status != 0 {
		attrs = append(attrs, slog.Int("status", res.Status))
	}
	if res.Reason != "" {
		attrs = append(attrs, slog.String("reason", string(res.Reason)), slog.String("detail", res.Detail))
	}
	if v.Outcome != "" {
		attrs = append(attrs, slog.String("outcome", string(v.Outcome)))
	} else {
		attrs = append(attrs, slog.Time("next", v.due()))
	}
	d.log.LogAttrs(context.Background(), level, "attempt", attrs...)
}
