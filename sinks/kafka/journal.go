package kafka

import (
	"context"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/sinks/kafka/publish"
)

// AppendJournal implements bus.Journal (J1).
func (s *records) AppendJournal(ctx context.Context, shard int, data []byte) (int64, error) {
	if err := s.checkShard(shard); err != nil {
		return bus.NoPosition, err
	}
	_, _, offset, err := s.publisher.Write(ctx, publish.Writing{Topic: s.names.Journal, Until: s.publisher.Patience(), Fill: func(out *publish.Outgoing) {
		out.Record = kgo.Record{Partition: int32(shard), Value: data}
	}})
	if err != nil {
		return bus.NoPosition, fmt.Errorf("append to the journal of shard %d: %w", shard, err)
	}
	return offset, nil
}

// ReadJournal implements bus.Journal (J2).
func (s *records) ReadJournal(ctx context.Context, shard int, from int64, each func(pos int64, data []byte) error) error {
	if err := s.checkShard(shard); err != nil {
		return err
	}
	return s.cluster.Scan(ctx, s.names.Journal, int32(shard), from, func(r *kgo.Record) error {
		return each(r.Offset, r.Value)
	})
}

// JournalSpan implements bus.Journal (J3).
func (s *records) JournalSpan(ctx context.Context, shard int) (first, last int64, err error) {
	first, last = bus.NoPosition, bus.NoPosition
	if err := s.checkShard(shard); err != nil {
		return first, last, err
	}
	err = s.cluster.RetryBriefly(ctx, func(ctx context.Context) error {
		sp, err := s.cluster.Partition(ctx, s.names.Journal, int32(shard), time.Time{})
		if err != nil {
			return err
		}
		start, end, err := s.cluster.Bounds(ctx, sp)
		if err == nil && start < end {
			first, last = start, end-1
		}
		return err
	})
	if err != nil {
		return first, last, fmt.Errorf("ask for the journal of shard %d: %w", shard, err)
	}
	return first, last, nil
}

// FollowJournal implements bus.Shared (J4).
func (s *records) FollowJournal(ctx context.Context, from []int64, each func(shard int, pos int64, data []byte) error) error {
	if err := s.checkShard(len(from) - 1); err != nil {
		return err
	}
	next := make([]int64, len(from))
	for shard, at := range from {
		next[shard] = at + 1
	}
	err := s.pursueAll(ctx, s.names.Journal, next, func(shard int, r *kgo.Record) error {
		return each(shard, r.Offset, r.Value)
	})
	if err != nil && ctx.Err() == nil {
		return fmt.Errorf("follow the journal: %w", err)
	}
	return err
}

func (s *records) checkShard(shard int) error {
	if n := s.layout.Shards(); shard < 0 || shard >= n {
		return fmt.Errorf("there is no shard %d of %d", shard, n)
	}
	return nil
}
