package kafka

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/hookspan/hookspan/sinks/kafka/publish"
)

// AppendRefusal implements bus.Refusals (R1).
func (s *records) AppendRefusal(ctx context.Context, data []byte) error {
	_, _, _, err := s.publisher.Write(ctx, publish.Writing{Topic: s.names.Refusals, Until: s.publisher.Patience(), Fill: func(out *publish.Outgoing) { out.Record = kgo.Record{Value: data} }})
	if err != nil {
		return fmt.Errorf("append to the refusals: %w", err)
	}
	return nil
}

// Refusals implements bus.Refusals (R2).
func (s *records) Refusals(ctx context.Context, limit int, each func(data []byte) error) error {
	limit = max(limit, 0)
	var from int64
	err := s.cluster.RetryBriefly(ctx, func(ctx context.Context) error {
		sp, err := s.cluster.Partition(ctx, s.names.Refusals, 0, time.Time{})
		if err != nil {
			return err
		}
		_, end, err := s.cluster.Bounds(ctx, sp)
		from = end - int64(limit)
		return err
	})
	if err != nil {
		return fmt.Errorf("ask for the refusals: %w", err)
	}
	var found [][]byte
	err = s.cluster.Scan(ctx, s.names.Refusals, 0, from, func(r *kgo.Record) error {
		found = append(found, r.Value)
		return nil
	})
	if err != nil {
		return fmt.Errorf("read the refusals: %w", err)
	}
	for _, data := range slices.Backward(found[max(len(found)-limit, 0):]) {
		if err := each(data); err != nil {
			return err
		}
	}
	return nil
}
