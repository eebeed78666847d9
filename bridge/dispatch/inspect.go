package dispatch

import (
	"context"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/feed"
	"github.com/hookspan/hookspan/bridge/quarantine"
)

// inspect counts what the live feed of some shards brings by type, and sets aside what is no event, if
// the warden of the partition is among them.
func (d *Dispatcher) inspect(ctx context.Context, shards []feed.Shard, b *feed.Batch) error {
	if d.conf.Sightings != nil {
		d.conf.Sightings.Take(b.Partition, b.Before, b.End, b.Messages)
	}
	if !quarantine.Flawed(b.Messages) {
		return nil
	}
	warden := d.owned.warden(b.Partition)
	for _, s := range shards {
		at, ok := s.Place(b.Partition)
		if s.(*shard).id != warden || !ok || !at.Reaches(b.Before) {
			continue
		}
		return d.quarantine.Keep(ctx, at, b.Messages)
	}
	return nil
}

func (d *Dispatcher) inspectRange(ctx context.Context, b *feed.Batch) error {
	return d.quarantine.KeepSkipped(ctx, b.Partition, b.Messages)
}

// warden is the shard that answers for a partition.
func (o *ownedShards) warden(p bus.Partition) int { return quarantine.Warden(p, o.total()) }
