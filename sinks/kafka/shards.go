package kafka

import (
	"context"
	"fmt"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/sinks/kafka/lease"
	"github.com/hookspan/hookspan/sinks/kafka/topic"
)

// countShards finds out how many shards the installation has, before topics are made for them.
func (s *Store) countShards(ctx context.Context) error {
	if s.o.RecordedShards == nil {
		return nil
	}
	registry := []topic.Want{{Name: s.names.Registry}}
	missing, err := s.layout.Missing(ctx, registry)
	if err != nil || len(missing) > 0 {
		return err
	}
	n, err := s.o.RecordedShards(ctx, s)
	if err != nil {
		return fmt.Errorf("find out how many shards there are: %w", err)
	}
	if n > 0 {
		s.layout.SetShards(n)
	}
	return nil
}

// Join implements bus.Leases.
func (s *Store) Join(ctx context.Context, shards int, m bus.Member) error {
	err := s.cluster.RetryForever(ctx, func(ctx context.Context) (moved bool, err error) { return false, s.obey(ctx, shards) })
	switch {
	case ctx.Err() != nil:
		return nil
	case err != nil:
		return fmt.Errorf("share the shards: %w", err)
	}
	return lease.New(s.cluster.Options, s.group(), s.names.State, s.o.Lease, s.o.Log).Join(ctx, shards, m)
}

// obey goes by the number of shards that were recorded while this process started.
func (s *Store) obey(ctx context.Context, shards int) error {
	if s.layout.Shards() == shards {
		return nil
	}
	for _, name := range []string{s.names.State, s.names.Journal} {
		t, err := s.cluster.Lookup(ctx, name, time.Now())
		if err != nil {
			return fmt.Errorf("look for the shards: %w", err)
		}
		if have := len(t.Partitions); have < shards {
			return fmt.Errorf("topic %s has %d partitions and the installation %d shards: add partitions to it", name, have, shards)
		}
	}
	s.layout.SetShards(shards)
	return nil
}
