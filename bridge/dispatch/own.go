package dispatch

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
)

const (
	deltaEvery = time.Second
	// Pauses before a shard is taken back, so that two owners do not chase each other.
	reownFirst = time.Second
	reownMost  = 30 * time.Second
)

func (d *Dispatcher) newShard(id int) *shard {
	s := &shard{d: d, id: id, log: newStateLog(d.store, id, d.log, &d.limits), journaled: bus.NoPosition}
	s.rec = newRecorder(d, id, s.recorded)
	return s
}

// tend keeps a shard until ctx ends. When another owner has taken it over, what this one had
// begun is finished and journaled first; then it is taken back, because the lease is ours.
// Writes go on until the hand-over is done or writing ends.
func (d *Dispatcher) tend(ctx, writing context.Context, id int, drained <-chan struct{}) error {
	s := d.shard(id)
	for {
		if s == nil {
			if s = d.reown(ctx, id); s == nil {
				return nil
			}
		}
		recording, stopRecording := context.WithCancel(writing)
		var recorder sync.WaitGroup
		rec := s.rec
		recorder.Go(func() { rec.run(recording) })
		s.wakeAll()
		err := s.serve(ctx, writing, drained)
		if errors.Is(err, bus.ErrSuperseded) {
			d.log.Error("shard taken over by another owner", slog.Int("shard", id))
			s.stop()
			d.drop(s)
			s.attempts.Wait()
			s.rec.flush(writing)
			s, err = nil, nil
		}
		stopRecording()
		recorder.Wait()
		if s != nil || err != nil {
			return err
		}
	}
}

// reown takes a shard that another owner has, or that was damaged; nil when ctx ends first.
func (d *Dispatcher) reown(ctx context.Context, id int) *shard {
	for wait := reownFirst; ; wait = min(2*wait, reownMost) {
		if !pause(ctx, wait+rand.N(wait)) {
			return nil
		}
		s := d.newShard(id)
		err := s.own(ctx)
		switch {
		case ctx.Err() != nil:
			return nil
		case err == nil && d.adopt(s):
			return s
		case err == nil:
			return nil
		}
		d.damage(id, err)
		d.log.Warn("shard not taken back, trying again", slog.Int("shard", id), slog.Any("error", err))
	}
}

// adopt makes an owned shard known to all that feeds it. It reports false when the process
// stops: then nothing may begin.
func (d *Dispatcher) adopt(s *shard) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.stopping {
		return false
	}
	d.owned[s.id] = s
	delete(d.damaged, s.id)
	for _, f := range d.followers {
		f.look()
	}
	d.passes.hungry()
	d.commanded()
	return true
}

// damage notes whether a shard cannot be owned because its log is damaged.
func (d *Dispatcher) damage(id int, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if delete(d.damaged, id); errors.Is(err, errDamaged) {
		d.damaged[id] = true
	}
}

func (d *Dispatcher) damages() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.damaged)
}

func (d *Dispatcher) drop(s *shard) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.owned[s.id] == s {
		delete(d.owned, s.id)
	}
}

// serve writes the shard's deltas until ctx ends, and hands over when all is drained. The
// error is bus.ErrSuperseded or that of the hand-over.
func (s *shard) serve(ctx, writing context.Context, drained <-chan struct{}) error {
	tick := time.NewTicker(deltaEvery)
	defer tick.Stop()
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
			continue
		case <-tick.C:
		}
		s.overdue()
		err := s.step(writing)
		switch {
		case errors.Is(err, bus.ErrSuperseded):
			return err
		case err != nil && ctx.Err() == nil:
			s.d.log.Warn("delta not written, trying again", slog.Int("shard", s.id), slog.Any("error", err))
		}
	}
	select {
	case <-drained:
	case <-writing.Done():
	}
	err := s.handOver(writing)
	if errors.Is(err, bus.ErrSuperseded) {
		s.d.log.Warn("shard was taken over before it was handed over", slog.Int("shard", s.id))
		return nil
	}
	if err != nil {
		return fmt.Errorf("hand over shard %d: %w", s.id, err)
	}
	return nil
}

// overdue takes endpoints out of the live feed whose oldest event has waited too long while
// attempts did begin.
func (s *shard) overdue() {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := s.d.begun.Load()
	begun := all != s.begun
	s.begun = all
	for _, l := range s.lanes {
		l.skipForgotten()
		if begun && l.fresh > 0 && time.Since((*l.queue.front()).at) > laneAge && l.live(*l.queue.front()) {
			l.leave()
		}
	}
}

// wakeAll begins whatever is due.
func (s *shard) wakeAll() {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	for _, l := range s.lanes {
		l.pump(now)
	}
}
