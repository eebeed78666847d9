package dispatch

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/statelog"
)

const (
	deltaEvery = time.Second
	// deltaTurns are the moments of a second at which shards write, some at each: all at once
	// would hold up what is on its way, and each for itself would be a sync for each.
	deltaTurns = 8
)

func (d *Dispatcher) newShard(id int) *shard {
	s := &shard{d: d, id: id, log: statelog.New(d.store, id, d.log, d.limits.stateLog), journaled: bus.NoPosition, told: map[string]told{}}
	s.ctx, s.cut = context.WithCancelCause(d.attemptsCtx)
	s.writer = &stateWriter{shard: s}
	s.rec = newRecorder(d, id, s.recorded)
	return s
}

// addShard makes an owned shard known to all that feeds it.
func (d *Dispatcher) addShard(s *shard) {
	d.owned.add(s)
	d.live.ShardTaken()
	d.applier.wake()
	d.ranges.Wake()
	d.commands.wake()
}

// serve writes the shard's deltas until ctx ends, which ends no write. The error is
// bus.ErrSuperseded.
func (s *shard) serve(ctx, writing context.Context) error {
	for pause(ctx, s.untilDelta()) {
		if s.lapsed.Swap(false) { // the lease was renewed late
			s.wakeAll()
		}
		s.overdue()
		s.tellOver()
		if s.d.conf.Leases != nil { // others want to know how lanes stand that do not just deliver
			s.rec.tell(s.notes(time.Now()))
		}
		err := s.writer.step(writing)
		switch {
		case errors.Is(err, bus.ErrSuperseded):
			return err
		case err != nil && ctx.Err() == nil:
			s.d.trouble.Warn("delta not written, trying again", err, slog.Int("shard", s.id))
		}
	}
	return nil
}

// untilDelta is how long it is to the shard's next turn to write.
func (s *shard) untilDelta() time.Duration {
	turn := time.Duration(s.id%deltaTurns) * deltaEvery / deltaTurns
	return deltaEvery - (time.Duration(time.Now().UnixNano())-turn)%deltaEvery
}

// overdue takes endpoints out of the live feed whose oldest event has waited too long while
// attempts did begin, and counts the entries.
func (s *shard) overdue() {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := s.d.begun.Load()
	begun := all != s.begun
	s.begun = all
	entries := 0
	for _, l := range s.lanes {
		entries += l.entries
		l.skipForgotten()
		if begun && l.queue.len() > 0 && time.Since((*l.queue.front()).Created) > laneAge && l.live(*l.queue.front()) {
			l.leaveLive()
		}
	}
	if s.entries.Swap(int64(entries)) > int64(entries) { // there may be room for others' now
		s.d.ranges.Wake()
	}
}

// wakeAll begins whatever is due.
func (s *shard) wakeAll() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.awake = true
	now := time.Now()
	for _, l := range s.lanes {
		l.pump(now)
	}
}
