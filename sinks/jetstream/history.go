package jetstream

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/event"
)

// Published implements bus.History (H1). It reads headers alone: publish writes id and source
// there in either mode.
func (s *Store) Published(ctx context.Context, since time.Time, each func(topic, source, id string, at time.Time) error) error {
	patterns := append([]string{s.names.prefix + ".>", s.names.ns + ".quarantine", s.names.ns + ".quarantine.>"}, s.o.Intake...)
	streams := map[string]bool{}
	for _, p := range patterns {
		holders, err := s.holders(ctx, p)
		if err != nil {
			return err
		}
		for _, h := range holders {
			streams[h] = true
		}
	}
	for stream := range streams {
		if err := s.publishedOn(ctx, stream, patterns, since, each); err != nil {
			return fmt.Errorf("read what intake wrote: %w", err)
		}
	}
	return nil
}

func (s *Store) publishedOn(ctx context.Context, stream string, patterns []string, since time.Time, each func(topic, source, id string, at time.Time) error) error {
	info, err := s.reads.info(ctx, stream)
	if err != nil || info.State.Msgs == 0 {
		return err
	}
	if readable(info.Config) != nil {
		return nil // reading would delete; the window there is the bus's own
	}
	list, byServer := s.filters(patterns, info.Config)
	what := reading{stream: stream, since: since, headersOnly: true}
	if byServer {
		what.filters = list
	}
	for tries := 1; ; tries++ {
		next, err := s.reads.scan(ctx, what, math.MaxInt64, func(d delivered) error {
			if d.seq > info.State.LastSeq || !byServer && !matches(list, d.msg.Subject) {
				return nil
			}
			id, source := identityIn(d.msg.Header)
			if id == "" {
				return nil
			}
			return each(d.msg.Subject, source, id, d.stored())
		})
		if err == nil || !errors.Is(err, bus.ErrUnavailable) || tries == replayTries {
			return err
		}
		if next > what.from {
			what.from, what.since, tries = next, time.Time{}, 1
		}
	}
}

// identityIn are id and source as their headers carry them.
func identityIn(h nats.Header) (id, source string) {
	id, source = first(h, headerID), first(h, headerSource)
	if strings.IndexByte(id, '%') < 0 && strings.IndexByte(source, '%') < 0 {
		return id, source
	}
	e, err := event.FromBinary(event.NATS, event.Fields([]event.Field{
		{Name: "ce-specversion", Value: "1.0"}, {Name: "ce-type", Value: "any"},
		{Name: headerID, Value: id}, {Name: headerSource, Value: source},
	}), nil)
	if err != nil {
		return "", ""
	}
	return e.ID, e.Source
}
