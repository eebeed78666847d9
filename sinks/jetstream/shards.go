package jetstream

import (
	"context"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/sinks/jetstream/lease"
)

// Join implements bus.Leases.
func (s *Store) Join(ctx context.Context, shards int, m bus.Member) error {
	return lease.New(s.private, s.names.leases, s.names.state, s.o.Lease, s.o.Log).Join(ctx, shards, m)
}
