package dispatch

import (
	"context"
	"errors"
	"log/slog"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/event"
)

// tenantTopics are read with whose each event is, found out once for all shards and ranges.
type tenantTopics struct {
	bus.Topics
	ascribe func(*bus.Message)
}

// Follow implements bus.Topics.
func (t tenantTopics) Follow(ctx context.Context, p bus.Partition, after bus.Position, deliver func([]bus.Message) error) error {
	return t.Topics.Follow(ctx, p, after, func(messages []bus.Message) error {
		for i := range messages {
			t.ascribe(&messages[i])
		}
		return deliver(messages)
	})
}

// ascribe notes on a message whose its event is. What stands in the tenant's place and is no name
// of one is counted and told.
func (d *Dispatcher) ascribe(m *bus.Message) {
	if m.Fault != "" {
		return
	}
	name, flaw := d.conf.TenantRule.Of(m.Event)
	m.Tenant, m.TenantRule = name, d.conf.TenantRule.String()
	if flaw != "" {
		d.metrics.tenantless.Inc()
		d.trouble.Warn("tenant left out", errors.New(flaw),
			slog.String("topic", m.Topic), slog.String("event", event.Short(m.Event.ID)), slog.String("type", event.Short(m.Event.Type)))
	}
}
