package kafka

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/sinks/kafka/cluster"
)

// Get implements bus.Topics (T4). The event is gone when the topic is another one, when the
// leader begins behind the offset or brings a later one, or when what is there has another
// mark. Behind the end nothing is certain.
func (s *topicReader) Get(ctx context.Context, p bus.Partition, at bus.Position) (m bus.Message, err error) {
	topic, n, ok := cluster.SplitPartition(p)
	if !ok || at.Seq < 0 {
		return bus.Message{}, fmt.Errorf("get %d of %s: %w", at.Seq, p, bus.ErrGone)
	}
	err = s.cluster.RetryBriefly(ctx, func(ctx context.Context) error {
		sp, err := s.cluster.Partition(ctx, topic, n, time.Time{})
		if err != nil {
			return err
		}
		if at.Identity != "" && at.Identity != sp.Identity {
			if err := s.cluster.ConfirmID(ctx, sp); err != nil {
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

func (s *topicReader) getFrom(ctx context.Context, sp cluster.PartitionRef, at bus.Position) (bus.Message, error) {
	got, err := s.cluster.Fetch(ctx, sp, at.Seq, cluster.OneBatch)
	if errors.Is(err, cluster.ErrOutside) {
		start, _, listErr := s.cluster.Bounds(ctx, sp)
		if listErr == nil && at.Seq < start {
			return bus.Message{}, fmt.Errorf("the partition begins at %d: %w", start, bus.ErrGone)
		}
		return bus.Message{}, errors.Join(err, listErr)
	}
	if err != nil {
		return bus.Message{}, err
	}
	records, err := got.Records(at.Seq)
	if err != nil {
		return bus.Message{}, err
	}
	switch {
	case got.Next <= at.Seq:
		return bus.Message{}, fmt.Errorf("the partition ends at %d: %w", got.End, cluster.ErrOutside)
	case len(records) == 0 || records[0].Offset != at.Seq:
		return bus.Message{}, fmt.Errorf("the next event is behind it: %w", bus.ErrGone)
	}
	m := message(sp.Partition(), sp.Identity, records[0])
	if at.Mark != 0 && m.Position.Mark != 0 && at.Mark != m.Position.Mark {
		return bus.Message{}, fmt.Errorf("another event is there: %w", bus.ErrGone)
	}
	return m, nil
}

// Before implements bus.Topics (T5).
func (s *topicReader) Before(ctx context.Context, p bus.Partition, t time.Time) (at bus.Position, err error) {
	err = s.onPartition(ctx, p, func(ctx context.Context, sp cluster.PartitionRef) error {
		refs := []cluster.PartitionRef{sp}
		start, err := s.cluster.Offsets(ctx, refs, cluster.Earliest, cluster.ReadCommitted)
		if err != nil {
			return err
		}
		below, err := s.cluster.Offsets(ctx, refs, cluster.Millis(t), cluster.ReadCommitted)
		if err == nil && below[0].Offset < 0 { // nothing is younger
			below, err = s.cluster.Offsets(ctx, refs, cluster.Latest, cluster.ReadCommitted)
		}
		if err != nil {
			return err
		}
		at, err = s.inFrontOf(ctx, sp, start[0].Offset, below[0].Offset)
		return err
	})
	if err != nil {
		return bus.Position{}, fmt.Errorf("find a time in %s: %w", p, err)
	}
	return at, nil
}

// Intact implements bus.Topics (T7): whatever is as old as the position's mark, or older, is
// what it was (OffsetForLeaderEpoch, KIP-101).
func (s *topicReader) Intact(ctx context.Context, p bus.Partition, at bus.Position) (to bus.Position, err error) {
	err = s.onPartition(ctx, p, func(ctx context.Context, sp cluster.PartitionRef) error {
		start, below, err := s.cluster.Bounds(ctx, sp)
		if err != nil {
			return err
		}
		below = min(below, at.Seq+1)
		switch {
		case at.Mark == 0 || at.Identity != sp.Identity: // nothing is certain
			below = start
		default:
			of, err := s.cluster.EndOfEpoch(ctx, sp, int32(at.Mark-1))
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
func (s *topicReader) onPartition(ctx context.Context, p bus.Partition, do func(context.Context, cluster.PartitionRef) error) error {
	topic, n, ok := cluster.SplitPartition(p)
	if !ok {
		return fmt.Errorf("there is no partition %q", p)
	}
	return s.cluster.RetryBriefly(ctx, func(ctx context.Context) error {
		sp, err := s.cluster.Partition(ctx, topic, n, time.Time{})
		if err != nil {
			return err
		}
		return do(ctx, sp)
	})
}

// inFrontOf is the position of the last event in front of an offset.
func (s *topicReader) inFrontOf(ctx context.Context, sp cluster.PartitionRef, start, below int64) (bus.Position, error) {
	at, mark, err := s.cluster.LastBefore(ctx, sp, start, below)
	return bus.Position{Identity: sp.Identity, Seq: at, Mark: mark}, err
}
