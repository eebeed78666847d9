package jetstream

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"golang.org/x/sync/errgroup"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/event"
	"github.com/hookspan/hookspan/sinks/jetstream/link"
	"github.com/hookspan/hookspan/sinks/jetstream/subject"
)

// lookForStreams is how often FollowPublished looks for streams that appeared since.
const lookForStreams = 5 * time.Second

// A publication is told of an event that intake published.
type publication func(bus.Publication) error

// A history is what intake published.
type history struct{ *topics }

// Published implements bus.History (H1, H4). It reads headers alone: publish writes id and source
// there in either mode.
func (s *history) Published(since time.Time) bus.Reading {
	read := map[string]*published{}
	return func(ctx context.Context, each func(bus.Publication) error) error {
		streams, err := s.intakeStreams(ctx)
		if err != nil {
			return err
		}
		for _, stream := range streams {
			if read[stream] == nil {
				read[stream] = &published{stream: stream}
			}
			if err := s.publishedOn(ctx, read[stream], since, each); err != nil {
				return fmt.Errorf("read what intake wrote: %w", err)
			}
		}
		return nil
	}
}

// A published is how far a stream was read.
type published struct {
	stream   string
	identity string
	next     uint64 // 0 before the first look
}

// intakeStreams are the streams that hold such topics.
func (s *history) intakeStreams(ctx context.Context) ([]string, error) {
	streams := map[string]bool{}
	for _, pattern := range s.intake() {
		holders, err := s.events.Names(ctx, pattern)
		if err != nil {
			return nil, err
		}
		for _, h := range holders {
			streams[h] = true
		}
	}
	return slices.Sorted(maps.Keys(streams)), nil
}

func (s *history) publishedOn(ctx context.Context, p *published, since time.Time, each publication) error {
	info, err := s.reads.Info(ctx, p.stream)
	if err != nil || info.State.Msgs == 0 {
		return err
	}
	if link.Readable(info.Config) != nil {
		return nil // reading would delete; the window there is the bus's own
	}
	if identity := link.Identity(info); p.next == 0 || p.identity != identity {
		before, err := s.Before(ctx, bus.Partition(p.stream), since)
		if err != nil {
			return err
		}
		p.identity, p.next = identity, uint64(before.Seq)+1
	}
	list, byServer := s.filters(s.intake(), info.Config)
	what := link.Reading{Stream: p.stream, HeadersOnly: true}
	if byServer {
		what.Filters = list
	}
	for tries := 1; p.next <= info.State.LastSeq; tries++ {
		what.From = p.next
		p.next, err = s.reads.Scan(ctx, what, info.State.LastSeq, func(d link.Delivered) error {
			if !byServer && !subject.Matches(list, d.Msg.Subject) {
				return nil
			}
			return each.tell(d)
		})
		if err == nil || !errors.Is(err, bus.ErrUnavailable) || tries == link.ReplayTries {
			return err
		}
		if p.next > what.From {
			tries = 0
		}
	}
	return nil
}

// tell passes on what a message's headers say. What is no event of ours is left out, and so is
// what a client published: it could name the id of a webhook that is still to come.
func (each publication) tell(d link.Delivered) error {
	id, source := identityIn(d.Msg.Header)
	mark := link.First(d.Msg.Header, headerMark)
	if id == "" && mark == "" || fromClient(d.Msg.Header) {
		return nil
	}
	return each(bus.Publication{Topic: d.Msg.Subject, Source: source, ID: id, At: d.Stored(), Mark: mark})
}

// FollowPublished implements bus.Shared (H2). Every stream that holds topics of intake has a
// reader of its own, also one that appears later.
func (s *history) FollowPublished(ctx context.Context, since time.Time, each func(bus.Publication) error) error {
	var one sync.Mutex
	var ended error
	tell := publication(func(p bus.Publication) error {
		one.Lock()
		defer one.Unlock()
		if ended == nil {
			ended = each(p)
		}
		return ended
	})
	readers, reading := errgroup.WithContext(ctx)
	readers.Go(func() error {
		known := map[string]bool{}
		for {
			streams, err := s.intakeStreams(reading)
			if err != nil && !errors.Is(err, bus.ErrUnavailable) {
				return fmt.Errorf("follow what intake writes: %w", err)
			}
			for _, stream := range streams {
				if !known[stream] {
					known[stream] = true
					readers.Go(func() error { return s.followPublishedOn(reading, stream, since, tell) })
				}
			}
			pause := lookForStreams
			if err != nil {
				pause = link.RetryMost
			}
			select {
			case <-time.After(pause):
			case <-reading.Done():
				return context.Cause(reading)
			}
		}
	})
	if err := readers.Wait(); ctx.Err() == nil {
		return err
	}
	return context.Cause(ctx)
}

// followPublishedOn reads one stream, and again from since when that is not the stream it was.
func (s *history) followPublishedOn(ctx context.Context, stream string, since time.Time, each publication) error {
	for {
		begin, err := s.Before(ctx, bus.Partition(stream), since)
		if err == nil {
			t := &link.Tail{
				Link: s.reads, Stream: stream, Place: begin, HeadersOnly: true, Log: s.o.Log, Meddled: s.meddled,
				Filters: func(c jetstream.StreamConfig) ([]string, bool) { return s.filters(s.intake(), c) },
				Hand: func(got []link.Delivered) error {
					for _, d := range got {
						if err := each.tell(d); err != nil {
							return err
						}
					}
					return nil
				},
			}
			err = t.Follow(ctx)
			if t.Refused != nil || ctx.Err() != nil {
				return err
			}
		}
		var unreadable *link.UnreadableError
		switch {
		case errors.As(err, &unreadable):
			s.tell(stream, err) // the window there is the bus's own
			return nil
		case !errors.Is(err, bus.ErrRecreated) && !errors.Is(err, bus.ErrCutBack) && !errors.Is(err, bus.ErrUnavailable):
			return err
		}
		select {
		case <-time.After(link.RetryMost):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// identityIn are id and source as their headers carry them.
func identityIn(h nats.Header) (id, source string) {
	id, source = link.First(h, headerID), link.First(h, headerSource)
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
