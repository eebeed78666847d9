package kafka

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/shared"
	"github.com/hookspan/hookspan/sinks/kafka/cluster"
	"github.com/hookspan/hookspan/sinks/kafka/topic"
)

const (
	// listEvery is how often all topics of the cluster are held against the expressions.
	listEvery = 2 * time.Second
	// asksAtOnce bounds how many leaders are asked side by side for single records.
	asksAtOnce = 16
)

// A topicReader is bus.Topics.
type topicReader struct {
	cluster  *cluster.Cluster
	names    topic.Names
	patterns []topic.Pattern
	found    found
	log      *slog.Logger
}

// found is what is known of the partitions that are followed.
type found struct {
	spans *shared.Answer[[]bus.Span]

	mu      sync.Mutex
	listed  time.Time                 // when the expressions were last held against all topics
	names   map[string]bool           // what they found, and topics of ours that they would find
	others  map[string]topic.Names    // of installations that were seen
	topics  map[string]*cluster.Topic // as they were last described
	started map[bus.Partition]bool
	ends    map[bus.Partition]end
	away    map[bus.Partition]bool // had no answer the last time
}

// end is a partition's last event as it was last seen.
type end struct {
	position bus.Position
	epoch    int32 // of the leader that told
}

func (f *found) init() {
	f.spans, f.names, f.topics, f.others = shared.New[[]bus.Span](), map[string]bool{}, map[string]*cluster.Topic{}, map[string]topic.Names{}
}

// Spans implements bus.Topics (T1). Of many calls at once most share an answer, none an answer
// to a question asked before it was made.
func (s *topicReader) Spans(ctx context.Context) ([]bus.Span, error) {
	spans, err := s.found.spans.Get(ctx, s.askSpans)
	switch {
	case err != nil && ctx.Err() != nil:
		return nil, cluster.Ended(ctx)
	case err != nil:
		return nil, fmt.Errorf("list the followed partitions: %w", err)
	}
	return slices.Clone(spans), nil
}

// askSpans asks again for a while, of leaders looked up anew, when some have no answer: most
// often a leader has moved. What has none then is away.
func (s *topicReader) askSpans(ctx context.Context) (spans []bus.Span, err error) {
	until := time.Now().Add(answerWithin)
	err = s.cluster.RetryBriefly(ctx, func(ctx context.Context) error {
		refs, err := s.followed(ctx)
		if err != nil {
			return err
		}
		var missing error
		spans, missing = s.spansOf(ctx, refs)
		switch {
		case missing == nil:
		case !errors.Is(missing, bus.ErrUnavailable), allAway(spans):
			return missing
		case time.Now().Before(until) && s.found.newlyAway(spans):
			return missing
		}
		gone, back := s.found.remember(refs, spans)
		s.tell(gone, back, missing)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return spans, nil
}

func allAway(spans []bus.Span) bool {
	return !slices.ContainsFunc(spans, func(sp bus.Span) bool { return !sp.Away })
}

// newlyAway: not all of those that are away were so the last time.
func (f *found) newlyAway(spans []bus.Span) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.ContainsFunc(spans, func(sp bus.Span) bool { return sp.Away && !f.away[sp.Partition] })
}

// tell says once which partitions are away, and when they are back.
func (s *topicReader) tell(gone, back []string, why error) {
	if len(gone) > 0 {
		s.log.Warn("partitions have nobody who can be asked: their events wait, the others go on", "partitions", gone, "error", why)
	}
	if len(back) > 0 {
		s.log.Info("partitions can be asked again", "partitions", back)
	}
}

// answerWithin is how long leaders may take to say what their partitions hold, so that those
// that do not answer keep nobody waiting.
const answerWithin = 2 * time.Second

// spansOf asks what partitions hold. Those that cannot be asked are away; missing is why, for
// one of them.
func (s *topicReader) spansOf(ctx context.Context, refs []cluster.PartitionRef) (spans []bus.Span, missing error) {
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	starts := s.cluster.OffsetsEach(ctx, refs, cluster.Earliest, cluster.ReadCommitted)
	ends := s.cluster.OffsetsEach(ctx, refs, cluster.Latest, cluster.ReadCommitted)
	spans = make([]bus.Span, len(refs))
	failed := make([]error, len(refs))
	var group errgroup.Group
	group.SetLimit(asksAtOnce)
	for i, sp := range refs {
		spans[i] = bus.Span{Partition: sp.Partition(), Identity: sp.Identity, Away: true}
		if failed[i] = cmp.Or(starts[i].Err, ends[i].Err); failed[i] != nil {
			continue
		}
		group.Go(func() error {
			start := starts[i].Offset
			last, err := s.lastOf(ctx, sp, start, ends[i].Offset)
			if failed[i] = err; err == nil {
				spans[i].First, spans[i].End, spans[i].Away = start, last, false
			}
			return nil
		})
	}
	_ = group.Wait() // the errors are in failed
	for _, err := range failed {
		if missing = cmp.Or(missing, err); err != nil && !errors.Is(err, bus.ErrUnavailable) {
			return spans, err // what no retry would mend
		}
	}
	return spans, missing
}

// lastOf is the position of the last event in front of end. It is read only where what was
// seen before does not tell: epochs do not fall within a log, so behind a record of the
// leader's own epoch there are no others.
func (s *topicReader) lastOf(ctx context.Context, sp cluster.PartitionRef, start, below int64) (bus.Position, error) {
	at := bus.Position{Identity: sp.Identity, Seq: start - 1}
	epoch := sp.Leader().Epoch
	s.found.mu.Lock()
	was, ok := s.found.ends[sp.Partition()]
	s.found.mu.Unlock()
	ok = ok && was.position.Same(at)
	if below <= start {
		at.Seq = below - 1
		if !ok {
			return at, s.cluster.ConfirmID(ctx, sp)
		}
		return at, nil
	}
	if ok && was.epoch == epoch {
		switch {
		case was.position.Seq == below-1 && was.position.Mark != 0:
			return was.position, nil
		case was.position.Seq < below-1 && was.position.Mark == cluster.MarkOf(epoch):
			return bus.Position{Identity: at.Identity, Seq: below - 1, Mark: was.position.Mark}, nil
		}
	}
	var err error
	at.Seq, at.Mark, err = s.cluster.LastBefore(ctx, sp, start, below)
	return at, err
}

// remember notes the ends, and returns which partitions went away since the last time, and
// which came back; the first call also notes which there were at the start.
func (f *found) remember(refs []cluster.PartitionRef, spans []bus.Span) (gone, back []string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	first := f.started == nil
	if first {
		f.started = map[bus.Partition]bool{}
	}
	ends, away := make(map[bus.Partition]end, len(spans)), map[bus.Partition]bool{}
	for i := range spans {
		p := spans[i].Partition
		if first {
			f.started[p] = true
		}
		spans[i].New = !f.started[p]
		was, known := f.ends[p]
		switch {
		case !spans[i].Away:
			ends[p] = end{spans[i].End, refs[i].Leader().Epoch}
			if f.away[p] {
				back = append(back, string(p))
			}
			continue
		case known:
			ends[p] = was
		}
		if away[p] = true; !f.away[p] {
			gone = append(gone, string(p))
		}
	}
	f.ends, f.away = ends, away
	return gone, back
}

// followed lists the partitions of the topics that the patterns name now.
func (s *topicReader) followed(ctx context.Context) ([]cluster.PartitionRef, error) {
	names, err := s.followedTopics(ctx)
	if err != nil || len(names) == 0 {
		return nil, err
	}
	answer, err := s.cluster.Describe(ctx, names...)
	if err != nil {
		return nil, err
	}
	var refs []cluster.PartitionRef
	for _, name := range names {
		said := answer[name]
		if errors.Is(said.Err, cluster.ErrNoTopic) { // not yet, or no more
			s.found.drop(name)
			continue
		}
		t := s.found.describe(name, said)
		if t == nil {
			return nil, cluster.OnTopic(name, "DESCRIBE", said.Err)
		}
		for n := range t.Partitions {
			refs = append(refs, t.Ref(int32(n)))
		}
	}
	return refs, nil
}

// describe returns what was said of a topic. Of one that cannot be described now it returns
// what is known, with nobody who leads a partition of it; nil of one that nothing is known of.
func (f *found) describe(name string, said cluster.Described) *cluster.Topic {
	f.mu.Lock()
	defer f.mu.Unlock()
	if said.Topic != nil {
		f.topics[name] = said.Topic
		return said.Topic
	}
	known := f.topics[name]
	if known == nil {
		return nil
	}
	t := &cluster.Topic{Name: name, ID: known.ID, Identity: known.Identity, Rights: known.Rights}
	for range known.Partitions {
		t.Partitions = append(t.Partitions, &cluster.Leader{Node: -1, Epoch: -1})
	}
	return t
}

// followedTopics are the names that the patterns find. What Hookspan keeps beside events is
// none of them, whatever an expression says, nor what another one does.
func (s *topicReader) followedTopics(ctx context.Context) ([]string, error) {
	names := map[string]bool{}
	expressions := false
	for _, p := range s.patterns {
		if p.Find != nil {
			expressions = true
		} else {
			names[p.Name] = true
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
func (s *topicReader) find(ctx context.Context) error {
	f := &s.found
	f.mu.Lock()
	fresh := !f.listed.IsZero() && time.Since(f.listed) < listEvery
	f.mu.Unlock()
	if fresh {
		return nil
	}
	asked := time.Now()
	topics, err := s.cluster.AllTopics(ctx)
	if err != nil {
		return err
	}
	f.meet(topic.Installations(maps.Keys(topics)))
	for name, said := range topics {
		if said.Topic != nil && !said.Internal && s.follows(name) {
			f.add(name)
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.listed = asked
	return nil
}

// follows reports whether a topic is followed, should it exist.
func (s *topicReader) follows(name string) bool {
	return !s.names.Private(name) && !s.found.private(name) && slices.ContainsFunc(s.patterns, func(p topic.Pattern) bool {
		return p.Name == name || p.Find != nil && p.Find.MatchString(name)
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
	delete(f.topics, name)
}
