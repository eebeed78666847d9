package jetstream

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/hookspan/hookspan/sinks/jetstream/lease"
)

// PublishBare publishes n messages with the client library's own asynchronous publishing and
// nothing of ours, and returns once all of them are acknowledged: what the bus takes from
// anybody, for Publish to be measured against. It is for benchmarks.
func (s *Store) PublishBare(ctx context.Context, topic string, data []byte, n int64, inFlight int) error {
	var next atomic.Int64
	errs := make([]error, inFlight)
	var running sync.WaitGroup
	for i := range inFlight {
		running.Go(func() {
			for next.Add(1) <= n && errs[i] == nil {
				errs[i] = s.publishBare(ctx, topic, data)
			}
		})
	}
	running.Wait()
	return errors.Join(errs...)
}

func (s *Store) publishBare(ctx context.Context, topic string, data []byte) error {
	ack, err := s.events.JS.PublishAsync(topic, data)
	if err != nil {
		return fmt.Errorf("publish to %s: %w", topic, err)
	}
	select {
	case <-ack.Ok():
		return nil
	case err := <-ack.Err():
		return fmt.Errorf("publish to %s: %w", topic, err)
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Remove deletes every stream of the installation, events included. Nobody may use them any
// more. It is for benchmarks, in a namespace of their own.
func (s *Store) Remove(ctx context.Context) error {
	errs := []error{s.events.Remove(ctx, s.names.events)}
	for _, stream := range []string{s.names.state, s.names.registry, s.names.commands, s.names.journal, s.names.refusals, lease.Stream(s.names.leases)} {
		errs = append(errs, s.private.Remove(ctx, stream))
	}
	return errors.Join(errs...)
}
