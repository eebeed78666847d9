package jetstream

import (
	"context"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/sinks/jetstream/link"
)

// Follow implements bus.Topics (T2, T3, T6).
func (s *topics) Follow(ctx context.Context, p bus.Partition, after bus.Position, deliver func([]bus.Message) error) error {
	return s.follow(ctx, p, after, s.o.Topics, deliver)
}

// follow hands over what lies on topics of the patterns.
func (s *topics) follow(ctx context.Context, p bus.Partition, after bus.Position, patterns []string, deliver func([]bus.Message) error) error {
	return s.followBy(ctx, p, after, deliver, func(c jetstream.StreamConfig) ([]string, bool) { return s.filters(patterns, c) })
}

// followBy hands over what passes filters, which say whether the server picks that.
func (s *topics) followBy(ctx context.Context, p bus.Partition, after bus.Position, deliver func([]bus.Message) error, filters func(jetstream.StreamConfig) ([]string, bool)) error {
	mixed := false // what is kept beside events may be among them
	t := &link.Tail{
		Link: s.reads, Stream: string(p), Place: after, Log: s.o.Log, Meddled: s.meddled,
		Filters: func(c jetstream.StreamConfig) ([]string, bool) {
			mixed = copied(c)
			return filters(c)
		},
		Hand: func(got []link.Delivered) error {
			batch := make([]bus.Message, 0, len(got))
			for _, d := range got {
				if !mixed || !s.beside(d.Msg.Subject) {
					batch = append(batch, message(p, after.Identity, d.Msg.Subject, d.Meta, d.Msg.Header, d.Msg.Data))
				}
			}
			if len(batch) == 0 && len(got) > 0 {
				return nil // an empty batch says that nothing is left
			}
			return deliver(batch)
		},
	}
	return t.Follow(ctx)
}
