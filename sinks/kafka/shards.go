package kafka

import (
	"context"
	"fmt"
	"time"
)

// countShards finds out how many shards the installation has, before topics are made for them.
func (s *Store) countShards(ctx context.Context) error {
	if s.o.RecordedShards == nil {
		return nil
	}
	registry := []want{{name: s.names.registry}}
	missing, err := s.missing(ctx, registry)
	if err != nil || len(missing) > 0 {
		return err
	}
	n, err := s.o.RecordedShards(ctx, s)
	if err != nil {
		return fmt.Errorf("find out how many shards there are: %w", err)
	}
	if n > 0 {
		s.shards.Store(int32(n))
	}
	return nil
}

// obey goes by the number of shards that were recorded while this process started.
func (s *Store) obey(ctx context.Context, shards int) error {
	if int(s.shards.Load()) == shards {
		return nil
	}
	for _, name := range []string{s.names.state, s.names.journal} {
		t, err := s.link.lookup(ctx, name, time.Now())
		if err != nil {
			return fmt.Errorf("look for the shards: %w", err)
		}
		if have := len(t.partitions); have < shards {
			return fmt.Errorf("topic %s has %d partitions and the installation %d shards: add partitions to it", name, have, shards)
		}
	}
	s.shards.Store(int32(shards))
	return nil
}
