package endpoint

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/topic"
)

// Starts returns where the following of the patterns begins. At the first use of a pattern
// the ends of all topics go into the registry, in one record, before anything is read; later
// starts find them there. A pattern (NATS style, or /regex/) begins where its own record says.
func (r *Registry) Starts(ctx context.Context, patterns []string) (*Starts, error) {
	for _, p := range patterns {
		if _, err := topic.Compile(p); err != nil {
			return nil, err
		}
	}
	from, missing := r.capture(ctx, StartNow)
	err := r.write(ctx, func(s *state) ([]byte, error) {
		var fresh []string
		for _, p := range patterns {
			if s.startOf(p) == nil && !slices.Contains(fresh, p) {
				fresh = append(fresh, p)
			}
		}
		if len(fresh) == 0 {
			return nil, nil // then nobody needs the ends, which partitions that are away do not tell
		}
		if missing != nil {
			return nil, missing
		}
		return json.Marshal(record{V: format, Kind: kindStarts, Patterns: fresh, Positions: from})
	})
	if err != nil {
		return nil, fmt.Errorf("record where topics begin: %w", err)
	}
	if err := r.take(ctx); err != nil {
		return nil, err
	}
	defer r.release()
	return r.state.startsOf(patterns)
}

// RecordedShards returns what Shards has recorded, 0 where that was not called yet. It writes
// nothing.
func (r *Registry) RecordedShards(ctx context.Context) (int, error) {
	if _, err := r.Refresh(ctx); err != nil {
		return 0, fmt.Errorf("read the number of shards: %w", err)
	}
	if err := r.take(ctx); err != nil {
		return 0, err
	}
	defer r.release()
	return r.state.shards, nil
}

// Shards returns into how many shards the installation hashes its endpoints. The first start
// writes `fresh`; it never changes after that.
func (r *Registry) Shards(ctx context.Context, fresh int) (int, error) {
	err := r.write(ctx, func(s *state) ([]byte, error) {
		if s.shards > 0 {
			return nil, nil
		}
		return json.Marshal(record{V: format, Kind: kindStarts, Shards: fresh})
	})
	if err != nil {
		return 0, fmt.Errorf("record the number of shards: %w", err)
	}
	if err := r.take(ctx); err != nil {
		return 0, err
	}
	defer r.release()
	return r.state.shards, nil
}

// Followed lists the patterns that processes of the installation have followed, as far as the
// registry was read.
func (r *Registry) Followed() []string { return r.Set().followed }

// startOf returns the positions at the pattern's first use, nil when it was never used.
func (s *state) startOf(pattern string) bus.Positions {
	for _, k := range s.starts {
		if slices.Contains(k.patterns, pattern) {
			if k.from == nil {
				return bus.Positions{}
			}
			return k.from
		}
	}
	return nil
}

func (s *state) startsOf(patterns []string) (*Starts, error) {
	out := &Starts{}
	for _, p := range patterns {
		topics, err := topic.Compile(p)
		if err != nil {
			return nil, err
		}
		out.list = append(out.list, start{pattern: p, topics: topics, from: s.startOf(p)})
	}
	return out, nil
}
