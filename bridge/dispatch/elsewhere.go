package dispatch

import (
	"context"
	"errors"
	"fmt"

	"github.com/hookspan/hookspan/bridge/delivery"
)

// PendingElsewhere hands over the deliveries that are pending in shards of other processes, as
// their logs and journals have it. It reads each log whole, and keeps nothing of it: it is for a
// process that begins to answer for all of them.
func (d *Dispatcher) PendingElsewhere(ctx context.Context, each func(delivery.Entry)) error {
	for id := range d.total() {
		if d.shard(id) != nil {
			continue // its owner has told
		}
		s := d.newShard(id)
		err := s.pending(ctx, each)
		s.cut(nil)
		if err != nil && !errors.Is(err, errDamaged) {
			return fmt.Errorf("read what is pending in shard %d: %w", id, err)
		}
	}
	return nil
}

func (s *shard) pending(ctx context.Context, each func(delivery.Entry)) error {
	if err := s.log.load(ctx); err != nil {
		return err
	}
	was := s.log.state.clone()
	past, err := s.readJournal(ctx, &was)
	if err != nil {
		return err
	}
	for id, e := range was.entries {
		if _, done := past.done[id]; !done {
			each(e)
		}
	}
	return nil
}
