package feed

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/shared"
)

// Partitions are the followed partitions and what the bus last said that they hold. A takeover
// asks for many shards at once, so an answer is shared.
type Partitions struct {
	topics bus.Topics
	log    *slog.Logger
	answer *shared.Answer[[]bus.Span]

	mu     sync.Mutex
	starts Starts
	single bool
	origin bus.Positions
	spans  map[bus.Partition]bus.Span // as last asked for
	away   map[bus.Partition]bool     // those that nobody could be asked about the last time
	seen   func(bus.Span, bus.Position) bool
}

// Starts say from where on topics are followed.
type Starts interface {
	Takes(p bus.Partition, at bus.Position, topic string) bool
}

// NewPartitions asks nothing yet.
func NewPartitions(topics bus.Topics, log *slog.Logger) *Partitions {
	return &Partitions{
		topics: topics, log: log, answer: shared.New[[]bus.Span](), spans: map[bus.Partition]bus.Span{},
		seen: func(bus.Span, bus.Position) bool { return false },
	}
}

// Begin says where following began: starts decide event by event, origin has the places where
// partitions are read from that nobody has a position in. With a single pattern everything after
// origin is followed. It is called before anything is read.
func (ps *Partitions) Begin(starts Starts, origin bus.Positions, single bool) {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	ps.starts, ps.origin, ps.single = starts, origin, single
}

// Spans asks the bus what the followed partitions hold, without those that nobody can be asked
// about now. The answer is not the caller's to change.
func (ps *Partitions) Spans(ctx context.Context) ([]bus.Span, error) {
	spans, err := ps.answer.Get(ctx, ps.ask)
	if err != nil {
		return nil, fmt.Errorf("list the followed partitions: %w", err)
	}
	return spans, nil
}

func (ps *Partitions) ask(ctx context.Context) ([]bus.Span, error) {
	spans, err := ps.topics.Spans(ctx)
	if err != nil {
		return nil, err
	}
	ps.mu.Lock()
	defer ps.mu.Unlock()
	ps.away = map[bus.Partition]bool{}
	for _, s := range spans {
		if s.Away {
			ps.away[s.Partition] = true
		} else {
			ps.spans[s.Partition] = s
		}
	}
	return slices.DeleteFunc(spans, func(s bus.Span) bool { return s.Away }), nil
}

// Of returns what Spans said of one partition, and false where there is none.
func (ps *Partitions) Of(spans []bus.Span, p bus.Partition) (bus.Span, bool, error) {
	if i := slices.IndexFunc(spans, func(s bus.Span) bool { return s.Partition == p }); i >= 0 {
		return spans[i], true, nil
	}
	ps.mu.Lock()
	defer ps.mu.Unlock()
	if ps.away[p] {
		return bus.Span{}, false, fmt.Errorf("%s: %w", p, bus.ErrAway)
	}
	return bus.Span{}, false, nil
}

// front is the place just before the first event that a partition keeps.
func front(s bus.Span) bus.Position {
	return bus.Position{Identity: s.Identity, Seq: s.First - 1}
}

// Front is the place before the first event that a partition keeps, by what was last asked for;
// it reports false for an unknown partition and for another incarnation of it.
func (ps *Partitions) Front(p bus.Partition, identity string) (bus.Position, bool) {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	s, ok := ps.spans[p]
	return front(s), ok && s.Identity == identity
}

// Beginning is where a partition is read from that has no position: where the following of its
// topic began, else its first event.
func (ps *Partitions) Beginning(p bus.Partition) bus.Position {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	span := ps.spans[p]
	if at, ok := ps.origin[p]; ok && at.Identity == span.Identity {
		return at
	}
	return front(span)
}

func (ps *Partitions) end(p bus.Partition) bus.Position {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	return ps.spans[p].End
}

// followed leaves out what was published before the following of its topic began.
func (ps *Partitions) followed(p bus.Partition, messages []bus.Message) []bus.Message {
	if len(messages) == 0 {
		return nil
	}
	ps.mu.Lock()
	starts, single := ps.starts, ps.single
	from, named := ps.origin[p]
	ps.mu.Unlock()
	if single && !(named && from.Includes(messages[0].Position)) {
		return messages
	}
	kept := messages[:0:0]
	for i := range messages {
		if starts.Takes(p, messages[i].Position, messages[i].Topic) {
			kept = append(kept, messages[i])
		}
	}
	return kept
}
