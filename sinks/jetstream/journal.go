package jetstream

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/nats-io/nats.go"

	"github.com/hookspan/hookspan/bridge/bus"
)

// AppendJournal implements bus.Journal (J1).
func (s *Store) AppendJournal(ctx context.Context, shard int, data []byte) (int64, error) {
	subject := s.journalSubject(shard)
	a, err := s.private.acks.send(ctx, &nats.Msg{Subject: subject, Data: data})
	if err == nil {
		err = s.durable(ctx)
	}
	if err != nil {
		return bus.NoPosition, fmt.Errorf("append to %s: %w", subject, s.explain(err, true))
	}
	return int64(a.seq), nil
}

// ReadJournal implements bus.Journal (J2).
func (s *Store) ReadJournal(ctx context.Context, shard int, from int64, each func(pos int64, data []byte) error) error {
	return s.private.replay(ctx, s.names.journal, s.journalSubject(shard), uint64(max(from, 0)), func(seq uint64, data []byte) error {
		return each(int64(seq), data)
	})
}

// JournalSpan implements bus.Journal (J3).
func (s *Store) JournalSpan(ctx context.Context, shard int) (first, last int64, err error) {
	subject := s.journalSubject(shard)
	newest, err := s.private.get(ctx, s.names.journal, which{Last: subject})
	if errors.Is(err, bus.ErrGone) {
		return bus.NoPosition, bus.NoPosition, nil
	}
	if err != nil {
		return bus.NoPosition, bus.NoPosition, err
	}
	oldest, err := s.private.get(ctx, s.names.journal, which{Seq: 1, Next: subject})
	if errors.Is(err, bus.ErrGone) {
		return bus.NoPosition, bus.NoPosition, nil
	}
	if err != nil {
		return bus.NoPosition, bus.NoPosition, err
	}
	return int64(oldest.Seq), int64(newest.Seq), nil
}

func (s *Store) journalSubject(shard int) string {
	return s.names.ns + ".journal." + strconv.Itoa(shard)
}
