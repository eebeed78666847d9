package jetstream

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/sinks/jetstream/link"
)

// AppendRefusal implements bus.Refusals (R1).
func (s *logs) AppendRefusal(ctx context.Context, data []byte) error {
	a, err := s.private.Acks.Send(ctx, &link.Message{Subject: s.names.ns + ".refusals", Data: data}, nil)
	if err == nil {
		err = s.from(s.names.refusals, a)
	}
	if err != nil {
		return fmt.Errorf("append to the refusals: %w", s.explain(err, true))
	}
	return nil
}

// Refusals implements bus.Refusals (R2).
func (s *logs) Refusals(ctx context.Context, limit int, each func(data []byte) error) error {
	subject := s.names.ns + ".refusals"
	newest, err := s.private.Get(ctx, s.names.refusals, link.Which{Last: subject})
	if errors.Is(err, bus.ErrGone) {
		return nil
	}
	if err != nil {
		return err
	}
	from := uint64(1)
	if n := uint64(max(limit, 0)); newest.Seq >= n {
		from = newest.Seq - n + 1
	}
	var found [][]byte
	err = s.private.Replay(ctx, s.names.refusals, subject, from, func(_ uint64, data []byte) error {
		found = append(found, data)
		return nil
	})
	if err != nil {
		return err
	}
	for _, data := range slices.Backward(found[max(len(found)-limit, 0):]) {
		if err := each(data); err != nil {
			return err
		}
	}
	return nil
}
