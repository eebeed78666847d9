package kafka

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/hookspan/hookspan/bridge/bus"
)

const (
	// listEvery is how often all topics of the cluster are held against the expressions.
	listEvery = 2 * time.Second
	// asksAtOnce bounds how many leaders are asked side by side for single records.
	asksAtOnce = 16
)

// found is what is known of the partitions that are followed.
type found struct {
	turn  chan struct{} // one slot, taken by whoever asks; it guards the next two
	asked time.Time
	spans []bus.Span

	mu      sync.Mutex
	listed  time.Time       // when the expressions were last held against all topics
	names   map[string]bool // what they found, and topics of ours that they would find
	started map[bus.Partition]bool
	ends    map[bus.Partition]end
}

// end is a partition's last event as it was last seen.
type end struct {
	position bus.Position
	epoch    int32 // of the leader that told
}

// Spans implements bus.Topics (T1). Of many calls at once most share an answer, none an answer
// to a question asked before it was made.
func (s *Store) Spans(ctx context.Context) ([]bus.Span, error) {
	f, began := &s.found, time.Now()
	select {
	case f.turn <- struct{}{}:
	case <-ctx.Done():
		return nil, ended(ctx)
	}
	defer func() { <-f.turn }()
	if f.asked.Before(began) {
		asked := time.Now()
		spans, err := s.askSpans(ctx)
		if err != nil {
			return nil, err
		}
		f.asked, f.spans = asked, spans
	}
	return slices.Clone(f.spans), nil
}

func (s *Store) askSpans(ctx context.Context) (spans []bus.Span, err error) {
	err = s.link.again(ctx, func(ctx context.Context) error {
		spots, err := s.followed(ctx)
		if err != nil {
			return err
		}
		spans, err = s.spansOf(ctx, spots)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list the followed partitions: %w", err)
	}
	return spans, nil
}

func (s *Store) spansOf(ctx context.Context, spots []spot) ([]bus.Span, error) {
	starts, err := s.link.list(ctx, spots, theStart, onlyCommitted)
	if err != nil {
		return nil, err
	}
	ends, err := s.link.list(ctx, spots, theEnd, onlyCommitted)
	if err != nil {
		return nil, err
	}
	spans := make([]bus.Span, len(spots))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(asksAtOnce)
	for i, sp := range spots {
		group.Go(func() error {
			start := starts[i].offset
			last, err := s.lastOf(ctx, sp, start, ends[i].offset)
			spans[i] = bus.Span{Partition: sp.partition(), Identity: sp.identity, First: start, End: last}
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	s.remember(spots, spans)
	return spans, nil
}

// lastOf is the position of the last event in front of end. It is read only where what was
// seen before does not tell: epochs do not fall within a log, so behind a record of the
// leader's own epoch there are no others.
func (s *Store) lastOf(ctx context.Context, sp spot, start, below int64) (bus.Position, error) {
	at := bus.Position{Identity: sp.identity, Seq: start - 1}
	epoch := sp.lead().epoch
	s.found.mu.Lock()
	was, ok := s.found.ends[sp.partition()]
	s.found.mu.Unlock()
	ok = ok && was.position.Same(at)
	if below <= start {
		at.Seq = below - 1
		if !ok {
			return at, s.link.confirm(ctx, sp)
		}
		return at, nil
	}
	if ok && was.epoch == epoch {
		switch {
		case was.position.Seq == below-1 && was.position.Mark != 0:
			return was.position, nil
		case was.position.Seq < below-1 && was.position.Mark == markOf(epoch):
			return bus.Position{Identity: at.Identity, Seq: below - 1, Mark: was.position.Mark}, nil
		}
	}
	var err error
	at.Seq, at.Mark, err = s.link.newest(ctx, sp, start, below)
	return at, err
}

// remember notes the ends; the first call also notes which partitions there were at the start.
func (s *Store) remember(spots []spot, spans []bus.Span) {
	f := &s.found
	f.mu.Lock()
	defer f.mu.Unlock()
	first := f.started == nil
	if first {
		f.started = map[bus.Partition]bool{}
	}
	f.ends = make(map[bus.Partition]end, len(spans))
	for i := range spans {
		p := spans[i].Partition
		if first {
			f.started[p] = true
		}
		spans[i].New = !f.started[p]
		f.ends[p] = end{spans[i].End, spots[i].lead().epoch}
	}
}

// followed lists the partitions of the topics that the patterns name now.
func (s *Store) followed(ctx context.Context) ([]spot, error) {
	names, err := s.followedTopics(ctx)
	if err != nil || len(names) == 0 {
		return nil, err
	}
	answer, err := s.link.metadata(ctx, names...)
	if err != nil {
		return nil, err
	}
	var spots []spot
	for _, name := range names {
		said := answer[name]
		switch {
		case errors.Is(said.err, errNoTopic): // not yet, or no more
			s.found.drop(name)
			continue
		case said.err != nil:
			return nil, onTopic(name, "DESCRIBE", said.err)
		}
		for n := range said.partitions {
			spots = append(spots, spot{said.topic, int32(n)})
		}
	}
	return spots, nil
}

// followedTopics are the names that the patterns find. What Hookspan keeps beside events is
// none of them, whatever an expression says.
func (s *Store) followedTopics(ctx context.Context) ([]string, error) {
	names := map[string]bool{}
	expressions := false
	for _, p := range s.patterns {
		if p.find != nil {
			expressions = true
		} else {
			names[p.name] = true
		}
	}
	if expressions {
		if err := s.find(ctx); err != nil {
			return nil, err
		}
	}
	s.found.mu.Lock()
	defer s.found.mu.Unlock()
	maps.Copy(names, s.found.names)
	return slices.Sorted(maps.Keys(names)), nil
}

// find holds the expressions against all topics now and then. What the broker that was asked
// does not know yet, or no more, stays until all of them say so.
func (s *Store) find(ctx context.Context) error {
	f := &s.found
	f.mu.Lock()
	fresh := !f.listed.IsZero() && time.Since(f.listed) < listEvery
	f.mu.Unlock()
	if fresh {
		return nil
	}
	asked := time.Now()
	topics, err := s.link.everyTopic(ctx)
	if err != nil {
		return err
	}
	for name, said := range topics {
		if said.topic != nil && !said.internal && s.follows(name) {
			f.add(name)
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.listed = asked
	return nil
}

// follows reports whether a topic is followed, should it exist.
func (s *Store) follows(name string) bool {
	return !s.names.private(name) && slices.ContainsFunc(s.patterns, func(p pattern) bool {
		return p.name == name || p.find != nil && p.find.MatchString(name)
	})
}

func (f *found) add(name string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.names[name] = true
}

func (f *found) drop(name string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.names, name)
}
