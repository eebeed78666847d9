package jetstream

import (
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/sinks/jetstream/link"
)

// Spans implements bus.Topics (T1).
func (s *topics) Spans(ctx context.Context) ([]bus.Span, error) {
	spans, err := s.spansOf(ctx, s.o.Topics)
	if err == nil {
		s.remember(spans)
	}
	return spans, err
}

// spansOf are the partitions that hold topics of the patterns.
func (s *topics) spansOf(ctx context.Context, patterns []string) ([]bus.Span, error) {
	holders, err := s.holders(ctx, patterns)
	if err != nil {
		return nil, err
	}
	var spans []bus.Span
	for _, info := range holders {
		if err := link.Readable(info.Config); err != nil {
			s.tell(info.Config.Name, err)
			continue
		}
		spans = append(spans, span(info))
	}
	return spans, nil
}

// remember notes the identities, and marks the streams that appeared after the first call.
func (s *topics) remember(spans []bus.Span) {
	s.mu.Lock()
	defer s.mu.Unlock()
	first := s.started == nil
	if first {
		s.started = map[string]bool{}
	}
	for i := range spans {
		stream := string(spans[i].Partition)
		if first {
			s.started[stream] = true
		}
		spans[i].New = !s.started[stream]
		s.identities.set(stream, spans[i].Identity)
	}
}

func span(info *jetstream.StreamInfo) bus.Span {
	last, first := int64(info.State.LastSeq), int64(info.State.FirstSeq)
	sp := bus.Span{Partition: bus.Partition(info.Config.Name), Identity: link.Identity(info), First: first}
	sp.End = bus.Position{Identity: sp.Identity, Seq: last, Mark: info.State.LastTime.UnixNano()}
	if info.State.Msgs == 0 {
		sp.First = last + 1
		sp.End.Mark = 0
	}
	return sp
}

// holders are the streams that hold a topic of the patterns. In place of one that reading would
// delete from, a stream that copies it stands in; what is kept beside events is not among them.
func (s *topics) holders(ctx context.Context, patterns []string) ([]*jetstream.StreamInfo, error) {
	names, err := s.holding(ctx, patterns)
	if err != nil {
		return nil, err
	}
	var holders []*jetstream.StreamInfo
	for _, name := range names {
		switch info, err := s.events.Info(ctx, name); {
		case errors.Is(err, link.ErrNoStream): // deleted since it was listed
		case err != nil:
			return nil, err
		case !s.holdsNoEvents(info.Config):
			holders = append(holders, info)
		}
	}
	return holders, nil
}

func (s *topics) holding(ctx context.Context, patterns []string) ([]string, error) {
	set := map[string]bool{}
	for _, pattern := range patterns {
		names, err := s.events.Names(ctx, pattern)
		if err != nil {
			return nil, err
		}
		for _, name := range names {
			set[name] = true
		}
	}
	streams := slices.Sorted(maps.Keys(set))
	if len(streams) == 1 && streams[0] == s.names.events {
		return streams, nil
	}
	all, err := s.events.Streams(ctx)
	if err != nil {
		return nil, err
	}
	s.meet(all)
	copies := copies(all)
	for i, stream := range streams {
		if c, ok := copies[stream]; ok {
			streams[i] = c
		}
	}
	slices.Sort(streams)
	return slices.Compact(streams), nil
}

// copies maps each stream that reading would delete from to one that mirrors or sources it.
func copies(all []*jetstream.StreamInfo) map[string]string {
	unreadable, from := map[string]bool{}, map[string]string{}
	for _, info := range all {
		if link.Readable(info.Config) != nil {
			unreadable[info.Config.Name] = true
			continue
		}
		for _, source := range origins(info.Config) {
			from[source] = info.Config.Name
		}
	}
	maps.DeleteFunc(from, func(origin, _ string) bool { return !unreadable[origin] })
	return from
}

func origins(c jetstream.StreamConfig) []string {
	var names []string
	if c.Mirror != nil {
		names = append(names, c.Mirror.Name)
	}
	for _, s := range c.Sources {
		names = append(names, s.Name)
	}
	return names
}

// refuseUnreadable fails when a followed topic lies on such a stream.
func (s *topics) refuseUnreadable(ctx context.Context) error {
	holders, err := s.holders(ctx, s.o.Topics)
	if err != nil {
		return err
	}
	for _, info := range holders {
		if err := link.Readable(info.Config); err != nil {
			return err
		}
	}
	return nil
}

// tell logs once why a stream that appeared later is not followed.
func (s *topics) tell(stream string, err error) {
	s.mu.Lock()
	known := s.told[stream]
	s.told[stream] = true
	s.mu.Unlock()
	if !known {
		s.o.Log.Error("a followed topic lies on a stream that cannot be read", "stream", stream, "error", err)
	}
}
