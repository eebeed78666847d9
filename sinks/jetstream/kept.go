package jetstream

import (
	"context"
	"slices"

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

var _ bus.Kept = (*Store)(nil)
