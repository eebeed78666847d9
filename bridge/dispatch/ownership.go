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
	"github.com/hookspan/hookspan/bridge/logline"
)

const (
	retryFirst = 50 * time.Millisecond // after an error of the bus
	reownFirst = time.Second           // before a shard is taken back: two owners must not chase each other
	reownMost  = 30 * time.Second

	// lastGrace is what attempts of a shard that was taken over get to finish while somebody waits
	// for the shard: this process, whose lease it is, or its own next turn. What is cut off is
	// made again.
	lastGrace = 5 * time.Second
)

// An ownership is the time in which this process should own a shard: from the lease's Take to Give
// or Lose.
type ownership struct {
	*ownerships
	shard int
	lease bus.Lease
	held  context.Context // until the shard is lost: its state log is written no longer
	quit  context.CancelFunc
	tend  context.Context // until the shard is asked for or lost
	end   context.CancelFunc
	over  chan struct{} // closed when nothing of the turn runs any more

	hurry  context.Context // until somebody waits for the end of what runs
	hasten context.CancelFunc
}

// ownerships are a dispatcher's part in the sharing of the shards.
type ownerships struct {
	d       *Dispatcher
	writing context.Context // outlives the wish to stop
	running sync.WaitGroup

	mu     sync.Mutex
	now    map[int]*ownership // the last one of each shard
	failed []error            // of handing over at the end
}

// Take implements bus.Member. A shard is not claimed while attempts of an earlier turn run.
func (ts *ownerships) Take(shard int, l bus.Lease) {
	t := &ownership{ownerships: ts, shard: shard, lease: l, over: make(chan struct{})}
	t.held, t.quit = context.WithCancel(ts.writing)
	t.tend, t.end = context.WithCancel(t.held)
	t.hurry, t.hasten = context.WithCancel(context.WithoutCancel(ts.writing))
	ts.mu.Lock()
	before := ts.now[shard]
	ts.now[shard] = t
	ts.mu.Unlock()
	ts.running.Go(func() {
		defer close(t.over)
		defer t.quit()
		defer t.hasten()
		if before != nil {
			before.hasten()
			<-before.over
		}
		t.run()
	})
}

// Give implements bus.Member.
func (ts *ownerships) Give(ctx context.Context, shard int) {
	t := ts.last(shard)
	if t == nil {
		return
	}
	t.end()
	select {
	case <-t.over:
	case <-ctx.Done():
		t.lose()
	}
}

// Lose implements bus.Member.
func (ts *ownerships) Lose(shard int) {
	if t := ts.last(shard); t != nil {
		t.lose()
	}
}

// endAll asks for every shard, as Give does, when the leases no longer can.
func (ts *ownerships) endAll() {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	for _, t := range ts.now {
		t.end()
	}
}

func (ts *ownerships) last(shard int) *ownership {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	return ts.now[shard]
}

// lose lets nothing more begin for a shard that may be another process's by now.
func (t *ownership) lose() {
	t.quit()
	if s := t.d.owned.shard(t.shard); s != nil {
		s.stop()
		t.d.owned.drop(s)
	}
}

// run keeps the shard until the turn ends. When another owner has taken it over, what this one
// had begun is finished and journaled first; then it is taken back, because the lease is ours.
func (t *ownership) run() {
	s := t.d.owned.shard(t.shard) // as Prepare took it
	for wait := time.Duration(0); ; wait = reownFirst {
		if s == nil {
			if s = t.own(wait); s == nil {
				return
			}
		}
		s.lease.Store(&t.lease)
		if err := t.keep(s); !errors.Is(err, bus.ErrSuperseded) || t.tend.Err() != nil {
			return
		}
		s = nil
	}
}

// own takes the shard, after a pause; nil when the turn ends first. While the lease does not
// hold, somebody else may have been given the shard and is not disturbed.
func (t *ownership) own(wait time.Duration) *shard {
	d := t.d
	for ; ; wait = min(2*wait, reownMost) {
		if wait > 0 && !pause(t.tend, wait+rand.N(wait)) {
			return nil
		}
		if wait = max(wait, retryFirst); !t.lease.Holds() {
			continue
		}
		began := time.Now()
		s := d.newShard(t.shard)
		s.lease.Store(&t.lease)
		err := d.take(t.tend, s)
		switch {
		case err == nil:
			d.log.Info("shard taken", slog.Int("shard", t.shard), logline.Took(time.Since(began)))
			return s
		case t.tend.Err() != nil:
			return nil
		}
		d.trouble.Warn("shard not taken, trying again", err, slog.Int("shard", t.shard))
		if errors.Is(err, bus.ErrSuperseded) {
			wait = max(wait, reownFirst)
		}
	}
}

// take owns a shard and makes it known. Only so many are taken at a time.
func (d *Dispatcher) take(ctx context.Context, s *shard) error {
	select {
	case d.taking <- struct{}{}:
		defer func() { <-d.taking }()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	if err := s.own(ctx); err != nil {
		return err
	}
	d.addShard(s)
	return nil
}

// keep writes the shard's records until the turn ends, and hands it over if it was asked for.
// bus.ErrSuperseded says that another owner has written.
func (t *ownership) keep(s *shard) error {
	defer s.cut(ErrStopping)
	recording, stopRecording := context.WithCancel(t.writing)
	var recorder sync.WaitGroup
	defer recorder.Wait()
	defer stopRecording()
	recorder.Go(func() { s.rec.run(recording) })
	s.wakeAll()
	err := s.serve(t.tend, t.held)
	s.stop()
	if err == nil && !t.lost() {
		began := time.Now()
		if err = t.handOver(s); err == nil && t.d.conf.Leases != nil {
			t.d.log.Info("shard handed over", slog.Int("shard", s.id), logline.Took(time.Since(began)))
		}
	}
	t.d.owned.drop(s)
	switch {
	case t.lost():
		t.d.log.Warn("shard was lost, its lease ran out", slog.Int("shard", s.id))
	case errors.Is(err, bus.ErrSuperseded):
		t.d.log.Warn("shard was taken over by another owner", slog.Int("shard", s.id))
	case err != nil:
		t.d.log.Error("shard not handed over, its next owner repeats what it must", slog.Int("shard", s.id), slog.Any("error", err))
		t.fail(fmt.Errorf("hand over shard %d: %w", s.id, err))
	}
	t.finish(s, errors.Is(err, bus.ErrSuperseded))
	return err
}

// finish waits for what runs of a shard that is gone, and its records. Once somebody waits for
// that it does not for long; of one that is ours by the lease nobody else delivers anything.
func (t *ownership) finish(s *shard, ours bool) {
	hurry, hasten := context.WithCancel(t.hurry)
	defer hasten()
	if ours {
		hasten()
	}
	hurried := context.AfterFunc(hurry, func() {
		if pause(s.ctx, lastGrace) {
			s.cut(ErrStopping)
		}
	})
	defer hurried()
	s.drain(t.writing)
}

// fail keeps an error that the end of the process must tell.
func (ts *ownerships) fail(err error) {
	if !ts.d.owned.stops() {
		return
	}
	ts.mu.Lock()
	defer ts.mu.Unlock()
	ts.failed = append(ts.failed, err)
}

// handOver finishes what runs, which the end of the grace cuts off, journals it and writes the
// shard's last delta.
func (t *ownership) handOver(s *shard) error {
	grace := time.AfterFunc(t.d.conf.StopGrace, func() { s.cut(ErrStopping) })
	defer grace.Stop()
	s.drain(t.writing)
	return s.writer.handOver(t.held) // which writes nothing if the lease has run out meanwhile
}

// lost: the lease has run out.
func (t *ownership) lost() bool { return t.held.Err() != nil && t.writing.Err() == nil }
