package dispatch

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"strconv"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/endpoint"
	"github.com/hookspan/hookspan/bridge/event"
)

// Operations events tell operators, through the bus, what a person should look at.
const (
	opsDisabled  = "hookspan.endpoint.disabled"
	opsExhausted = "hookspan.delivery.exhausted"
	opsExpired   = "hookspan.delivery.expired"
	opsTimeout   = 5 * time.Second
	disableRetry = time.Second
)

// opsData is the data of an operations event.
type opsData struct {
	Endpoint string    `json:"endpoint"`
	Delivery string    `json:"delivery,omitempty"`
	Event    *EventRef `json:"event,omitempty"`
	Attempts int       `json:"attempts,omitempty"`
	Reason   string    `json:"reason"`
}

// opsDelivery is the operations event of a delivery that ended without success; nil where
// there is none for the reason.
func opsDelivery(why Ended, ep *endpoint.Endpoint, d *delivery) *event.Event {
	var kind string
	switch why {
	case Exhausted:
		kind = opsExhausted
	case Expired:
		kind = opsExpired
	default:
		return nil
	}
	ref := d.Event
	return opsEvent(kind, d.ID, ep, opsData{Endpoint: ep.Name, Delivery: d.ID, Event: &ref, Attempts: d.Number, Reason: string(why)})
}

func opsEvent(kind, id string, ep *endpoint.Endpoint, data opsData) *event.Event {
	body, _ := json.Marshal(data) // strings and numbers always marshal
	return &event.Event{
		ID: kind + "/" + id, Source: opsSource, Type: kind, Subject: ep.Name, Time: time.Now().UTC(),
		DataContentType: "application/json", Data: body,
	}
}

// ops publishes an operations event. It is tried once: what it tells is in the log and in
// the journal as well.
func (d *Dispatcher) ops(e *event.Event) {
	if e == nil {
		return
	}
	ctx, cancel := context.WithTimeout(d.attemptsCtx, opsTimeout)
	defer cancel()
	if _, err := d.store.Publish(ctx, d.conf.OpsTopic, e, bus.PublishOptions{Reserved: true, Key: "ops " + e.ID}); err != nil {
		d.trouble.warn("operations event not published", err, slog.String("type", e.Type), slog.String("subject", e.Subject))
	}
}

// disable stops an endpoint until an operator enables it. Its lane begins nothing meanwhile.
func (s *shard) disable(l *lane, ep *endpoint.Endpoint, reason string) {
	d := s.d
	for {
		made, err := d.registry.SetState(d.attemptsCtx, ep.ID, endpoint.Disabled, reason)
		if err == nil {
			s.mu.Lock()
			l.disabled = made.Revision
			s.mu.Unlock()
			break
		}
		if errors.Is(err, endpoint.ErrNotFound) || errors.Is(err, endpoint.ErrRemoved) {
			s.spare(l) // nobody is left to disable; one that is removed may return
			return
		}
		if d.attemptsCtx.Err() == nil {
			d.trouble.warn("endpoint not disabled, trying again", err, slog.String("endpoint", ep.Name))
		}
		if !pause(d.attemptsCtx, disableRetry) {
			return
		}
	}
	d.log.Warn("endpoint disabled", slog.String("endpoint", ep.Name), slog.String("reason", reason))
	d.ops(opsEvent(opsDisabled, ep.ID+"/"+strconv.FormatInt(time.Now().UnixNano(), 36), ep, opsData{Endpoint: ep.Name, Reason: reason}))
}

// spare lets a lane go on that was to be disabled.
func (s *shard) spare(l *lane) {
	s.mu.Lock()
	defer s.mu.Unlock()
	l.disabled = bus.NoPosition
	l.pump(time.Now())
}

func itoa(n int) string { return strconv.Itoa(n) }

// logAttempt writes the one line of an attempt.
func (d *Dispatcher) logAttempt(ep *endpoint.Endpoint, first *delivery, res *Response, v verdict, took time.Duration, members int) {
	level := slog.LevelInfo
	switch {
	case v.Outcome == Delivered:
		level = slog.LevelDebug
	case v.Outcome != "":
		level = slog.LevelWarn
	}
	if !d.log.Enabled(context.Background(), level) {
		return
	}
	attrs := []slog.Attr{
		slog.String("endpoint", ep.Name), slog.String("delivery", first.ID), slog.String("event", first.Event.ID),
		slog.String("type", first.Event.Type), slog.Int("attempt", first.Number), slog.Float64("duration_ms", float64(took.Microseconds())/1000),
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
