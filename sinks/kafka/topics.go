package kafka

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/hookspan/hookspan/bridge/bus"
)

// Get implements bus.Topics (T4). The event is gone when the topic is another one, when the
// leader begins behind the offset or brings a later one, or when what is there has another
// mark. Behind the end nothing is certain.
func (s *Store) Get(ctx context.Context, p bus.Partition, at bus.Position) (m bus.Message, err error) {
	topic, n, ok := splitPartition(p)
	if !ok || at.Seq < 0 {
		return bus.Message{}, fmt.Errorf("get %d of %s: %w", at.Seq, p, bus.ErrGone)
	}
	err = s.link.again(ctx, func(ctx context.Context) error {
		sp, err := s.link.spot(ctx, topic, n, time.Time{})
		if err != nil {
			return err
		}
		if at.Identity != "" && at.Identity != sp.identity {
			if err := s.link.confirm(ctx, sp); err != nil {
				return err
			}
			return fmt.Errorf("the topic was made anew: %w", bus.ErrGone)
		}
		m, err = s.getFrom(ctx, sp, at)
		return err
	})
	if err != nil {
		return bus.Message{}, fmt.Errorf("get %d of %s: %w", at.Seq, p, err)
	}
	return m, nil
}

func (s *Store) getFrom(ctx context.Context, sp spot, at bus.Position) (bus.Message, error) {
	got, err := s.link.fetch(ctx, sp, at.Seq, oneBatch)
	if errors.Is(err, errOutside) {
		start, _, listErr := s.link.held(ctx, sp)
		if listErr == nil && at.Seq < start {
			return bus.Message{}, fmt.Errorf("the partition begins at %d: %w", start, bus.ErrGone)
		}
		return bus.Message{}, errors.Join(err, listErr)
	}
	if err != nil {
		return bus.Message{}, err
	}
	records, err := got.records(at.Seq)
	if err != nil {
		return bus.Message{}, err
	}
	switch {
	case got.next <= at.Seq:
		return bus.Message{}, fmt.Errorf("the partition ends at %d: %w", got.end, errOutside)
	case len(records) == 0 || records[0].Offset != at.Seq:
		return bus.Message{}, fmt.Errorf("the next event is behind it: %w", bus.ErrGone)
	}
	m := message(sp.partition(), sp.identity, records[0])
	if at.Mark != 0 && m.Position.Mark != 0 && at.Mark != m.Position.Mark {
		return bus.Message{}, fmt.Errorf("another event is there: %w", bus.ErrGone)
	}
	return m, nil
}

// Before implements bus.Topics (T5).
func (s *Store) Before(ctx context.Context, p bus.Partition, t time.Time) (at bus.Position, err error) {
	err = s.onPartition(ctx, p, func(ctx context.Context, sp spot) error {
		spots := []spot{sp}
		start, err := s.link.list(ctx, spots, theStart, onlyCommitted)
		if err != nil {
			return err
		}
		below, err := s.link.list(ctx, spots, millis(t), onlyCommitted)
		if err == nil && below[0].offset < 0 { // nothing is younger
			below, err = s.link.list(ctx, spots, theEnd, onlyCommitted)
		}
		if err != nil {
			return err
		}
		at, err = s.inFrontOf(ctx, sp, start[0].offset, below[0].offset)
		return err
	})
	if err != nil {
		return bus.Position{}, fmt.Errorf("find a time in %s: %w", p, err)
	}
	return at, nil
}

// Intact implements bus.Topics (T7): whatever is as old as the position's mark, or older, is
// what it was (OffsetForLeaderEpoch, KIP-101).
func (s *Store) Intact(ctx context.Context, p bus.Partition, at bus.Position) (to bus.Position, err error) {
	err = s.onPartition(ctx, p, func(ctx context.Context, sp spot) error {
		start, below, err := s.link.held(ctx, sp)
		if err != nil {
			return err
		}
		below = min(below, at.Seq+1)
		switch {
		case at.Mark == 0 || at.Identity != sp.identity: // nothing is certain
			below = start
		default:
			of, err := s.link.endOfEpoch(ctx, sp, int32(at.Mark-1))
			if err != nil {
				return err
			}
			below = min(below, of)
		}
		to, err = s.inFrontOf(ctx, sp, start, below)
		return err
	})
	if err != nil {
		return bus.Position{}, fmt.Errorf("find what %s holds for certain in front of %d: %w", p, at.Seq, err)
	}
	return to, nil
}

// onPartition does something with a partition until it gets an answer.
func (s *Store) onPartition(ctx context.Context, p bus.Partition, do func(context.Context, spot) error) error {
	topic, n, ok := splitPartition(p)
	if !ok {
		return fmt.Errorf("there is no partition %q", p)
	}
	return s.link.again(ctx, func(ctx context.Context) error {
		sp, err := s.link.spot(ctx, topic, n, time.Time{})
		if err != nil {
			return err
		}
		return do(ctx, sp)
	})
}

// inFrontOf is the position of the last event in front of an offset.
func (s *Store) inFrontOf(ctx context.Context, sp spot, start, below int64) (bus.Position, error) {
	at, mark, err := s.link.newest(ctx, sp, start, below)
	return bus.Position{Identity: sp.identity, Seq: at, Mark: mark}, err
}

// endOfEpoch is the offset behind the last record that is of an epoch or an older one.
func (l *link) endOfEpoch(ctx context.Context, s spot, epoch int32) (int64, error) {
	p := kmsg.NewOffsetForLeaderEpochRequestTopicPartition()
	p.Partition, p.CurrentLeaderEpoch, p.LeaderEpoch = s.n, s.lead().epoch, epoch
	t := kmsg.NewOffsetForLeaderEpochRequestTopic()
	t.Topic = s.name
	t.Partitions = []kmsg.OffsetForLeaderEpochRequestTopicPartition{p}
	req := kmsg.NewPtrOffsetForLeaderEpochRequest()
	req.ReplicaID = -1
	req.Topics = []kmsg.OffsetForLeaderEpochRequestTopic{t}
	resp, err := l.to(ctx, s.lead().node, req)
	if err != nil {
		l.forget(s.topic)
		return 0, s.failed("ask for the end of an epoch", err)
	}
	answer := resp.(*kmsg.OffsetForLeaderEpochResponse)
	if len(answer.Topics) != 1 || len(answer.Topics[0].Partitions) != 1 {
		return 0, s.failed("ask for the end of an epoch", unavailable(kerr.UnknownServerError))
	}
	said := answer.Topics[0].Partitions[0]
	if answer.Topics[0].Topic != s.name || said.Partition != s.n || said.ErrorCode == 0 && said.LeaderEpoch > epoch {
		l.forget(s.topic)
		return 0, s.failed("ask for the end of an epoch", errAnother)
	}
	if err := l.refused(s, said.ErrorCode); err != nil {
		return 0, s.failed("ask for the end of an epoch", err)
	}
	return max(said.EndOffset, 0), nil
}
