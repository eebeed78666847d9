package kafka

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/sinks/kafka/cluster"
)

// Published implements bus.History (H1, H4): it reads the markers.
func (s *records) Published(since time.Time) bus.Reading {
	identity, next := "", []int64(nil)
	return func(ctx context.Context, each func(bus.Publication) error) error {
		topic, froms, err := s.markersSince(ctx, since)
		if err != nil {
			return fmt.Errorf("read what intake wrote: %w", err)
		}
		if identity != topic || len(next) != len(froms) {
			identity, next = topic, froms
		}
		for n := range next {
			err := s.cluster.Scan(ctx, s.names.Seen, int32(n), max(next[n], froms[n]), func(r *kgo.Record) error {
				err := s.publisher.Hear(r, each)
				if err == nil {
					next[n] = r.Offset + 1
				}
				return err
			})
			if err != nil {
				return fmt.Errorf("read what intake wrote: %w", err)
			}
		}
		return nil
	}
}

// FollowPublished implements bus.Shared (H2).
func (s *records) FollowPublished(ctx context.Context, since time.Time, each func(bus.Publication) error) error {
	var froms []int64
	err := s.cluster.RetryForever(ctx, func(ctx context.Context) (moved bool, err error) {
		_, froms, err = s.markersSince(ctx, since)
		return false, err
	})
	if err == nil {
		defer s.publisher.Hearing()()
		err = s.pursueAll(ctx, s.names.Seen, froms, func(_ int, r *kgo.Record) error { return s.publisher.Hear(r, each) })
	}
	if err != nil && ctx.Err() == nil {
		return fmt.Errorf("follow what intake writes: %w", err)
	}
	return err
}

// markersSince are the topic's identity and the first offsets of markers that are not older, by
// partition; the end where there is none.
func (s *records) markersSince(ctx context.Context, since time.Time) (identity string, froms []int64, err error) {
	err = s.cluster.RetryBriefly(ctx, func(ctx context.Context) error {
		t, err := s.cluster.Lookup(ctx, s.names.Seen, time.Time{})
		if err != nil {
			return err
		}
		refs := make([]cluster.PartitionRef, len(t.Partitions))
		for n := range refs {
			refs[n] = t.Ref(int32(n))
		}
		ends, err := s.cluster.Offsets(ctx, refs, cluster.Latest, cluster.ReadCommitted) // before: what comes meanwhile is not missed
		if err != nil {
			return err
		}
		firsts, err := s.cluster.Offsets(ctx, refs, cluster.Millis(since), cluster.ReadCommitted)
		if err != nil {
			return err
		}
		identity, froms = t.Identity, make([]int64, len(refs))
		for n := range froms {
			if froms[n] = firsts[n].Offset; froms[n] < 0 {
				froms[n] = ends[n].Offset
			}
		}
		return nil
	})
	return identity, froms, err
}

// pursueAll hands over the records of a topic's partitions, each from a place on, as they come,
// one at a time, until ctx ends or each returns an error.
func (s *records) pursueAll(ctx context.Context, topic string, froms []int64, each func(n int, r *kgo.Record) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var turn sync.Mutex
	var all sync.WaitGroup
	for n, from := range froms {
		all.Go(func() {
			cancel(s.pursue(ctx, topic, int32(n), from, func(r *kgo.Record) error {
				turn.Lock()
				defer turn.Unlock()
				return each(n, r)
			}))
		})
	}
	all.Wait()
	return context.Cause(ctx)
}

// pursue does it for one partition. A place that the partition does not hold, for its front was
// trimmed, or it was cut back or made anew, hides nothing: it goes on at the first record kept.
func (s *records) pursue(ctx context.Context, topic string, n int32, next int64, each func(*kgo.Record) error) error {
	identity := ""
	return s.cluster.RetryForever(ctx, func(ctx context.Context) (moved bool, err error) {
		sp, err := s.cluster.Partition(ctx, topic, n, time.Time{})
		if err != nil {
			return false, err
		}
		if identity != "" && identity != sp.Identity {
			next = 0
		}
		identity = sp.Identity
		before := next
		next, err = s.pursueFrom(ctx, sp, next, each)
		return next > before, err
	})
}

// pursueFrom reads until something breaks, and returns where to go on.
func (s *records) pursueFrom(ctx context.Context, sp cluster.PartitionRef, next int64, each func(*kgo.Record) error) (int64, error) {
	r := s.cluster.NewReader(sp, next)
	defer r.Close()
	for {
		records, _, err := r.Next(ctx)
		if errors.Is(err, cluster.ErrOutside) {
			start, _, listErr := s.cluster.Bounds(ctx, sp)
			if listErr != nil {
				return next, listErr
			}
			return start, err
		}
		if err != nil {
			return next, err
		}
		for _, record := range records {
			if err := each(record); err != nil {
				return next, cluster.Refuse(err)
			}
			next = record.Offset + 1
		}
	}
}
