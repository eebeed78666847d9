package bus

import (
	"context"
	"sync"
)

// Alone is the Leases of a process that shares its bus with nobody: it holds every shard from
// beginning to end.
type Alone struct{}

// Join implements Leases.
func (Alone) Join(ctx context.Context, shards int, m Member) error {
	for shard := range shards {
		m.Take(shard, always{})
	}
	<-ctx.Done()
	var giving sync.WaitGroup
	for shard := range shards {
		giving.Go(func() { m.Give(context.WithoutCancel(ctx), shard) })
	}
	giving.Wait()
	return nil
}

type always struct{}

func (always) Holds() bool { return true }

var _ Leases = Alone{}
