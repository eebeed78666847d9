package dispatch

import (
	"context"
	"errors"
	"fmt"

	"github.com/hookspan/hookspan/bridge/delivery"
	"github.com/hookspan/hookspan/bridge/statelog"
)

// PendingElsewhere hands over the deliveries that are pending in shards of other processes, as
// their logs and journals have it. It reads each log whole, and keeps nothing of it: it is for a
// process that begins to answer for all of them.
func (d *Dispatcher) PendingElsewhere(ctx context.Context, each func(delivery.Entry)) error {
	for id := range d.owned.total() {
		if d.owned.shard(id) != nil {
			continue // its owner has told
		}
		s := d.newShard(id)
		err := pendingOf(ctx, s, each)
		s.cut(nil)
		if err != nil && !errors.Is(err, statelog.ErrDamaged) {
			return fmt.Errorf("read what is pending in shard %d: %w", id, err)
		}
	}
	return nil
}

func pendingOf(ctx context.Context, s *shard, each func(delivery.Entry)) error {
	if err := s.log.Load(ctx); err != nil {
		return err
	}
	was := s.log.State().Clone()
	past, err := statelog.ReadPast(ctx, s.d.store, s.id, &was, s.d.log)
	if err != nil {
		return err
	}
	for id, e := range was.Entries {
		if _, done := past.Done[id]; !done {
			each(*e)
		}
	}
	return nil
}
