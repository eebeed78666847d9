package jetstream

import (
	"context"
	"slices"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/sinks/jetstream/subject"
)

// A keptReader is bus.Topics over more topics than the followed ones.
type keptReader struct {
	*Store
	patterns []string
}

// Kept implements bus.Kept (K1).
func (s *Store) Kept() bus.Topics {
	ns := s.names.ns
	beside := []string{ns + ".dead", ns + ".dead.>", ns + ".ops", ns + ".ops.>"}
	return &keptReader{s, subject.Essential(slices.Concat(s.o.Topics, s.intake(), beside))}
}

// Spans implements bus.Topics (T1).
func (k *keptReader) Spans(ctx context.Context) ([]bus.Span, error) {
	return k.spansOf(ctx, k.patterns)
}

// Follow implements bus.Topics (T2, T3, T6).
func (k *keptReader) Follow(ctx context.Context, p bus.Partition, after bus.Position, deliver func([]bus.Message) error) error {
	return k.follow(ctx, p, after, k.patterns, deliver)
}

// A topicReader is bus.Topics over one topic.
type topicReader struct{ *keptReader }

// KeptOf implements bus.Kept (K2).
func (s *Store) KeptOf(topic string) bus.Topics {
	return topicReader{&keptReader{s, []string{topic, topic + ".>"}}}
}

// Follow implements bus.Topics. Its events may be few among all others: the server picks them out.
func (r topicReader) Follow(ctx context.Context, p bus.Partition, after bus.Position, deliver func([]bus.Message) error) error {
	return r.followBy(ctx, p, after, deliver, func(c jetstream.StreamConfig) ([]string, bool) {
		if list, byServer := r.filters(r.patterns, c); list == nil {
			return list, byServer // everything on it
		}
		return r.patterns, true
	})
}

var _ bus.Kept = (*Store)(nil)
