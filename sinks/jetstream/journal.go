package jetstream

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/sinks/jetstream/link"
)

// AppendJournal implements bus.Journal (J1).
func (s *logs) AppendJournal(ctx context.Context, shard int, data []byte) (int64, error) {
	return s.append(ctx, s.names.journal, &link.Message{Subject: s.journalSubject(shard), Data: data})
}

// ReadJournal implements bus.Journal (J2). Nothing else would notice that a server which was
// cut off from the others lacks the last entries, so the leader has to show first that it is.
func (s *logs) ReadJournal(ctx context.Context, shard int, from int64, each func(pos int64, data []byte) error) error {
	if _, err := s.private.Info(ctx, s.names.journal); err != nil {
		return err
	}
	return s.private.Replay(ctx, s.names.journal, s.journalSubject(shard), uint64(max(from, 0)), func(seq uint64, data []byte) error {
		return each(int64(seq), data)
	})
}

// JournalSpan implements bus.Journal (J3).
func (s *logs) JournalSpan(ctx context.Context, shard int) (first, last int64, err error) {
	subject := s.journalSubject(shard)
	newest, err := s.private.Get(ctx, s.names.journal, link.Which{Last: subject})
	if errors.Is(err, bus.ErrGone) {
		return bus.NoPosition, bus.NoPosition, nil
	}
	if err != nil {
		return bus.NoPosition, bus.NoPosition, err
	}
	oldest, err := s.private.Get(ctx, s.names.journal, link.Which{Seq: 1, Next: subject})
	if errors.Is(err, bus.ErrGone) {
		return bus.NoPosition, bus.NoPosition, nil
	}
	if err != nil {
		return bus.NoPosition, bus.NoPosition, err
	}
	return int64(oldest.Seq), int64(newest.Seq), nil
}

// FollowJournal implements bus.Shared (J4). One reader serves all shards.
func (s *logs) FollowJournal(ctx context.Context, from []int64, each func(shard int, pos int64, data []byte) error) error {
	from = slices.Clone(from)
	var refused error
	for {
		err := s.followJournal(ctx, from, func(shard int, pos int64, data []byte) error {
			refused = each(shard, pos, data)
			return refused
		})
		switch {
		case refused != nil:
			return refused
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case errors.Is(err, bus.ErrRecreated), errors.Is(err, bus.ErrCutBack):
			s.o.Log.Warn("the journal is another one or was cut back: reading it from its front", "error", err)
			for shard := range from {
				from[shard] = bus.NoPosition
			}
		case !errors.Is(err, bus.ErrUnavailable):
			return err
		}
		select {
		case <-time.After(link.RetryMost):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// followJournal reads behind the positions and moves them on.
func (s *logs) followJournal(ctx context.Context, from []int64, each func(shard int, pos int64, data []byte) error) error {
	info, err := s.private.Info(ctx, s.names.journal)
	if err != nil {
		return err
	}
	begin := bus.Position{Identity: link.Identity(info), Seq: int64(info.State.LastSeq)}
	for shard, pos := range from {
		if pos > int64(info.State.LastSeq) { // of a journal that was there before
			from[shard] = bus.NoPosition
		}
		begin.Seq = min(begin.Seq, max(from[shard], 0))
	}
	prefix := s.names.ns + ".journal."
	t := &link.Tail{
		Link: s.private, Stream: s.names.journal, Place: begin, Log: s.o.Log, Meddled: s.meddled,
		Filters: func(c jetstream.StreamConfig) ([]string, bool) { return s.filters([]string{prefix + "*"}, c) },
		Hand: func(got []link.Delivered) error {
			for _, d := range got {
				shard, err := strconv.Atoi(strings.TrimPrefix(d.Msg.Subject, prefix))
				pos := int64(d.Seq)
				if err != nil || shard < 0 || shard >= len(from) || pos <= from[shard] {
					continue
				}
				if err := each(shard, pos, d.Msg.Data); err != nil {
					return err
				}
				from[shard] = pos
			}
			return nil
		},
	}
	return t.Follow(ctx)
}

func (s *logs) journalSubject(shard int) string {
	return s.names.ns + ".journal." + strconv.Itoa(shard)
}
