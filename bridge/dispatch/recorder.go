package dispatch

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/delivery"
)

const (
	// recordEvery is when batches are written: by all shards at the same moments, so that they
	// share a sync of the embedded bus, whose disk intake needs too.
	recordEvery = 20 * time.Millisecond
	recordBytes = 256 << 10
	recordRetry = 250 * time.Millisecond

	recordsKept  = 512 // records whose memory serves the next batch
	notesInEntry = 100 // of the journal
)

// A recorder appends the attempts of one shard to its journal, in batches. One batch is on
// its way at a time; what comes meanwhile makes the next one.
type recorder struct {
	d        *Dispatcher
	shard    int
	recorded func(pos int64, batch []outcome) // called in order, by run
	wake     chan struct{}                    // one slot: add sends, run receives
	spare    []outcome                        // memory for the next batch; run alone uses it

	mu      sync.Mutex
	batch   []outcome
	notes   []delivery.Note
	size    int
	open    int           // records not acknowledged, those on their way too
	flushed chan struct{} // closed when none is open; nil while nobody waits for it
}

// An outcome is a record, and the delivery that runs until the record is acknowledged. A
// delivery whose endpoint was deleted is nil: it has ended already.
type outcome struct {
	delivery *pendingDelivery
	attempt  delivery.Attempt
}

func newRecorder(d *Dispatcher, shard int, recorded func(int64, []outcome)) *recorder {
	return &recorder{d: d, shard: shard, recorded: recorded, wake: make(chan struct{}, 1)}
}

// add queues records; their deliveries run until recorded has been called with them.
func (r *recorder) add(outcomes ...outcome) {
	r.d.throttle.unrecorded(len(outcomes))
	r.mu.Lock()
	r.batch = append(r.batch, outcomes...)
	r.open += len(outcomes)
	for i := range outcomes {
		r.size += outcomes[i].attempt.Size()
	}
	r.mu.Unlock()
	signal(r.wake)
}

// tell queues notes, instead of those that were not written yet.
func (r *recorder) tell(notes []delivery.Note) {
	if len(notes) == 0 {
		return
	}
	r.mu.Lock()
	r.notes = newest(r.notes, notes)
	r.mu.Unlock()
	signal(r.wake)
}

// newest are some notes and, of those before, the ones about other endpoints.
func newest(before, notes []delivery.Note) []delivery.Note {
	about := map[string]bool{}
	for i := range notes {
		about[notes[i].Endpoint] = true
	}
	before = slices.DeleteFunc(before, func(n delivery.Note) bool { return about[n.Endpoint] })
	return append(notes, before...)
}

// idle: every record is acknowledged.
func (r *recorder) idle() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.open == 0
}

// flush waits until every record is acknowledged, or ctx ends.
func (r *recorder) flush(ctx context.Context) {
	r.mu.Lock()
	if r.open == 0 {
		r.mu.Unlock()
		return
	}
	if r.flushed == nil {
		r.flushed = make(chan struct{})
	}
	flushed := r.flushed
	r.mu.Unlock()
	select {
	case <-ctx.Done():
	case <-flushed:
	}
}

// run writes until ctx ends. What is queued then is left to a successor, as after a kill.
func (r *recorder) run(ctx context.Context) {
	defer r.abandon()
	for {
		select {
		case <-ctx.Done():
			return
		case <-r.wake:
		}
		r.collect(ctx)
		all, notes := r.take()
		for batch := all; len(batch)+len(notes) > 0; {
			few := min(len(notes), notesInEntry)
			data, some := entryOf(batch, notes[:few])
			if !r.write(ctx, data, batch[:some], notes[:few]) {
				return
			}
			batch, notes = batch[some:], notes[few:]
		}
		if clear(all); cap(all) <= recordsKept {
			r.spare = all[:0]
		}
	}
}

// take takes all that is queued.
func (r *recorder) take() ([]outcome, []delivery.Note) {
	r.mu.Lock()
	defer r.mu.Unlock()
	batch, notes := r.batch, r.notes
	r.batch, r.notes, r.size, r.spare = r.spare, nil, 0, nil
	return batch, notes
}

// abandon lets go of the records that nobody will write any more: other shards' attempts must
// not wait for them.
func (r *recorder) abandon() {
	r.mu.Lock()
	open := r.open
	r.batch, r.size, r.open = nil, 0, 0
	r.mu.Unlock()
	r.d.throttle.unrecorded(-open)
}

// collect gives other attempts a moment to join the batch: until the next one at which all shards
// write.
func (r *recorder) collect(ctx context.Context) {
	r.mu.Lock()
	enough := r.size >= recordBytes
	r.mu.Unlock()
	if !enough {
		pause(ctx, recordEvery-time.Duration(time.Now().UnixNano())%recordEvery)
	}
}

// entryOf is one entry of the journal: of the outcomes the first, as many as it takes, and notes. A
// text may take six times its length there.
func entryOf(batch []outcome, notes []delivery.Note) (data []byte, n int) {
	data = delivery.NewBatch(min(len(batch), recordBytes/400))
	for ; n < len(batch) && len(data) < recordBytes; n++ {
		data = delivery.AppendAttempt(data, &batch[n].attempt)
	}
	return delivery.AppendNotes(data, notes), n
}

// write appends the batch, in parts if it has to be, until the bus has acknowledged it. A batch that
// landed although its acknowledgement was lost is written twice, which changes nothing.
func (r *recorder) write(ctx context.Context, data []byte, batch []outcome, notes []delivery.Note) bool {
	late := time.AfterFunc(unrecordedAge, func() { r.d.throttle.stalled(1) })
	defer func() {
		if !late.Stop() {
			r.d.throttle.stalled(-1)
		}
	}()
	for {
		pos, err := r.d.store.AppendJournal(ctx, r.shard, data)
		if err == nil {
			r.landed(pos, batch)
			for i := range batch {
				r.d.tellTurnedAway(&batch[i].attempt)
				r.d.observer.Attempted(batch[i].attempt)
			}
			return true
		}
		if errors.Is(err, bus.ErrTooLarge) {
			if less := r.lessen(batch, notes); less != nil {
				return r.writeAll(ctx, less)
			}
		}
		if ctx.Err() == nil {
			r.d.trouble.Warn("journal not written, trying again", err, slog.Int("shard", r.shard), slog.Int("records", len(batch)))
		}
		if !pause(ctx, recordRetry) {
			return false
		}
	}
}

// A writing is what one entry of the journal has.
type writing struct {
	batch []outcome
	notes []delivery.Note
}

func (r *recorder) writeAll(ctx context.Context, all []writing) bool {
	for _, p := range all {
		data, _ := entryOf(p.batch, p.notes)
		if !r.write(ctx, data, p.batch, p.notes) {
			return false
		}
	}
	return true
}

// lessen divides what is too large for the bus, so often as that goes. One record goes on without what
// was sent and answered, since without a record nothing goes on, and one note is left out, since
// nothing depends on it. nil: there is no less of it.
func (r *recorder) lessen(batch []outcome, notes []delivery.Note) []writing {
	switch n, m := len(batch), len(notes); {
	case n > 0 && m > 0:
		return []writing{{batch: batch}, {notes: notes}}
	case n > 1:
		return []writing{{batch: batch[:n/2]}, {batch: batch[n/2:]}}
	case m > 1:
		return []writing{{notes: notes[:m/2]}, {notes: notes[m/2:]}}
	case m == 1:
		r.d.log.Warn("what an endpoint waits for is not told to other replicas, it is too large for the bus", slog.String("endpoint", notes[0].Endpoint))
		return []writing{}
	}
	if a := &batch[0].attempt; a.Detail != noTexts {
		a.Response, a.Binary, a.Request, a.Headers, a.Detail = "", "", "", "", noTexts
		return []writing{{batch: batch}}
	}
	return nil
}

const noTexts = "the rest of the record is too large for the bus"

// landed takes in that a batch is acknowledged.
func (r *recorder) landed(pos int64, batch []outcome) {
	r.recorded(pos, batch)
	r.d.throttle.unrecorded(-len(batch))
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.open -= len(batch); r.open == 0 && r.flushed != nil {
		close(r.flushed)
		r.flushed = nil
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
		if d == nil {
			continue
		}
		if d.turnedAway {
			d.status = final
			continue
		}
		l := d.lane
		touched[l] = struct{}{}
		switch {
		case a.Outcome != "":
			d.delivered = a.Outcome == delivery.Delivered
			l.finish(d)
		case l.closed: // the endpoint was deleted meanwhile
			delete(l.running, d)
			s.withdrawn(d)
		default:
			delete(l.running, d)
			d.event = nil
			e := d.draft()
			e.Event, d.own = a.Event, true
			e.Number, e.Due, e.Asked = a.Number+1, a.Next, false
			if l.skips(d) {
				l.pass(d)
			}
			l.keep(d)
			l.wait(d)
		}
	}
	now := time.Now()
	for l := range touched {
		l.pump(now)
	}
	s.d.ranges.Wake()
}
