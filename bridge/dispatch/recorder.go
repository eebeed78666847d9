package dispatch

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
)

const (
	recordWait  = 5 * time.Millisecond // that a batch of records is collected
	recordBytes = 256 << 10
	recordRetry = 250 * time.Millisecond
)

// A recorder appends the attempts of one shard to its journal, in batches. One batch is on
// its way at a time; what comes meanwhile makes the next one.
type recorder struct {
	d        *Dispatcher
	shard    int
	recorded func(pos int64, batch []outcome) // called in order, by run
	wake     chan struct{}                    // one slot: add sends, run receives

	mu    sync.Mutex
	batch []outcome
	size  int
}

// An outcome is a delivery with the record of the attempt that it has just made.
type outcome struct {
	delivery *delivery
	attempt  Attempt
}

func newRecorder(d *Dispatcher, shard int, recorded func(int64, []outcome)) *recorder {
	return &recorder{d: d, shard: shard, recorded: recorded, wake: make(chan struct{}, 1)}
}

// add queues records; their deliveries run until recorded has been called with them.
func (r *recorder) add(outcomes ...outcome) {
	r.d.unrecorded(len(outcomes))
	r.mu.Lock()
	r.batch = append(r.batch, outcomes...)
	for i := range outcomes {
		r.size += 400 + len(outcomes[i].attempt.Response)
	}
	r.mu.Unlock()
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// run writes until ctx ends. What is queued then is left to a successor, as after a kill.
func (r *recorder) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-r.wake:
		}
		r.collect(ctx)
		r.mu.Lock()
		batch := r.batch
		r.batch, r.size = nil, 0
		r.mu.Unlock()
		if len(batch) > 0 && !r.write(ctx, batch) {
			return
		}
	}
}

// collect gives other attempts a moment to join the batch.
func (r *recorder) collect(ctx context.Context) {
	r.mu.Lock()
	enough := r.size >= recordBytes
	r.mu.Unlock()
	if enough {
		return
	}
	t := time.NewTimer(recordWait)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}

// write appends the batch until the bus has acknowledged it. A batch that landed although
// its acknowledgement was lost is written twice, which changes nothing.
func (r *recorder) write(ctx context.Context, batch []outcome) bool {
	records := make([]Attempt, len(batch))
	for i := range batch {
		records[i] = batch[i].attempt
	}
	data := EncodeAttempts(records)
	began := time.Now()
	for {
		pos, err := r.d.store.AppendJournal(ctx, r.shard, data)
		if err == nil {
			r.d.stalled(r.shard, false)
			r.d.unrecorded(-len(batch))
			r.recorded(pos, batch)
			for i := range records {
				r.d.observer.Attempted(records[i])
			}
			return true
		}
		if time.Since(began) > laneAge {
			r.d.stalled(r.shard, true)
		}
		r.d.log.Warn("journal not written, trying again", slog.Int("shard", r.shard), slog.Int("records", len(batch)), slog.Any("error", err))
		select {
		case <-ctx.Done():
			return false
		case <-time.After(recordRetry):
		}
	}
}

// recorded takes in that the records of a batch are durable.
func (s *shard) recorded(pos int64, batch []outcome) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.journaled == bus.NoPosition || pos > s.journaled {
		s.journaled = pos
	}
	touched := map[*lane]struct{}{}
	for i := range batch {
		d, a := batch[i].delivery, &batch[i].attempt
		l := d.lane
		touched[l] = struct{}{}
		if a.Outcome != "" {
			l.finish(d)
			continue
		}
		delete(l.running, d)
		d.event, d.slow = nil, false
		d.Number, d.Due = a.Number+1, a.Next
		l.keep(d)
		l.waiting.wait(d)
	}
	now := time.Now()
	for l := range touched {
		l.pump(now)
	}
	s.d.passes.hungry()
}
