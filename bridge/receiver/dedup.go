package receiver

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

const (
	windowShards = 64
	windowHours  = 1024 // slots of a shard's ring of hours; 10 bits of a place
	placeBits    = 22   // the rest of a place: an id's number within its shard and hour
	maxPerHour   = 1<<placeBits - 1

	hour       = 3600
	secondBits = 12                     // of an entry: when within its hour
	restMask   = 1<<(32-secondBits) - 1 // of a fingerprint: what an entry stores beside hi
	secondMask = 1<<secondBits - 1
)

// A window remembers the ids of events that are durable, and knows those on their way there.
//
// Ids are kept as fingerprints in hourly buckets, 16 B each; an index of open addressing over
// them (a byte of tag and four of place per slot, at most four fifths full) makes a look-up one
// memory access whatever the window's length. An hour that is over is dropped whole and the
// shard's index made anew, at most once an hour. An entry knows its second, so a window is as
// long as it says. A fingerprint has 90 bits that count (84 stored, 6 in the shard's number), so
// among a thousand million ids the chance that a new one is taken for known is below 1 in 10^18:
// nothing like a Bloom filter's, which loses events.
type window struct {
	keep   atomic.Int64 // hours, of the source that remembers longest
	shards [windowShards]windowShard
}

type windowShard struct {
	mu      sync.Mutex
	flights map[fingerprint]*flight
	buckets [windowHours]*bucket // by hour modulo windowHours
	newest  int64
	count   int
	tags    []uint8  // 0 is a free slot
	places  []uint32 // hour slot and number within the bucket
}

// A bucket is the ids that became durable within one hour.
type bucket struct {
	hour    int64
	entries []entry
}

type entry struct {
	hi   uint64
	rest uint32 // of the fingerprint, and the second of the hour
	body uint32 // bodyMark of the data; 0 is not known
}

func newEntry(f fingerprint, at int64, body uint32) entry {
	return entry{hi: f.hi, rest: f.rest()<<secondBits | uint32(at%hour), body: body}
}

func (e *entry) is(f fingerprint) bool { return e.hi == f.hi && e.rest>>secondBits == f.rest() }

// print is the fingerprint as far as an index needs it.
func (e *entry) print() fingerprint { return fingerprint{hi: e.hi, lo: uint64(e.rest >> secondBits)} }

// A flight is an event between its claim and its fate. Err may be read once done is closed.
type flight struct {
	body uint32
	done chan struct{} // made by the first who waits, under the shard's lock; closed by settle
	err  error
}

// wait returns the fate of somebody else's flight.
func (fl *flight) wait(ctx context.Context) error {
	select {
	case <-fl.done:
		return fl.err
	case <-ctx.Done():
		return fmt.Errorf("waiting for the first request with this id: %w", context.Cause(ctx))
	}
}

// standing is what is known of an event at its claim.
type standing uint8

const (
	fresh    standing = iota // not seen; the claimant owns the flight and must settle it
	repeated                 // durable
	underway                 // another request owns the flight
)

func newWindow(keep time.Duration) *window {
	w := &window{}
	w.setKeep(keep)
	for i := range w.shards {
		w.shards[i].flights = make(map[fingerprint]*flight)
	}
	return w
}

// setKeep changes how long ids are kept. It reaches at least one hour more than keep, because
// an id counts until its whole hour is too old.
func (w *window) setKeep(keep time.Duration) { w.keep.Store(int64((keep+time.Hour-1)/time.Hour) + 1) }

// claim asks for an event that became durable at `since` or later, and makes the caller the
// owner of its flight, which is own, when there is none. Altered says that the known one has
// another body.
func (w *window) claim(f fingerprint, body uint32, since time.Time, own *flight) (st standing, fl *flight, altered bool) {
	s := &w.shards[f.shard()]
	s.mu.Lock()
	defer s.mu.Unlock()
	if fl := s.flights[f]; fl != nil {
		if fl.done == nil {
			fl.done = make(chan struct{})
		}
		return underway, fl, fl.body != body
	}
	if e, at := s.find(f); e != nil && at >= since.Unix() {
		return repeated, nil, e.body != 0 && e.body != body
	}
	*own = flight{body: body}
	s.flights[f] = own
	return fresh, own, false
}

// settle ends a flight: with nil the event is durable and remembered as of the given time, with
// an error it is as unknown as before. Whoever waited gets the same fate.
func (w *window) settle(f fingerprint, fl *flight, at time.Time, err error) {
	s := &w.shards[f.shard()]
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.flights, f)
	if err == nil {
		s.insert(f, fl.body, at.Unix(), w.keep.Load())
	}
	fl.err = err
	if fl.done != nil {
		close(fl.done)
	}
}

// knows reports whether an event became durable at `since` or later.
func (w *window) knows(f fingerprint, since time.Time) bool {
	s := &w.shards[f.shard()]
	s.mu.Lock()
	defer s.mu.Unlock()
	e, at := s.find(f)
	return e != nil && at >= since.Unix()
}

// remember adds an event that somebody published, in any order of time. One that is known,
// as this process's own are when the bus hands them back, changes nothing.
func (w *window) remember(f fingerprint, body uint32, at time.Time) {
	s := &w.shards[f.shard()]
	s.mu.Lock()
	defer s.mu.Unlock()
	s.insert(f, body, at.Unix(), w.keep.Load())
}

// size is the number of ids that are kept.
func (w *window) size() (n int) {
	for i := range w.shards {
		s := &w.shards[i]
		s.mu.Lock()
		n += s.count
		s.mu.Unlock()
	}
	return n
}

// find returns what is kept of f and the second it is from, nil for nothing.
func (s *windowShard) find(f fingerprint) (*entry, int64) {
	i, ok := s.slot(f)
	if !ok {
		return nil, 0
	}
	b := s.buckets[s.places[i]>>placeBits]
	e := &b.entries[s.places[i]&maxPerHour]
	return e, b.hour*hour + int64(e.rest&secondMask)
}

// slot returns where f is in the index, or the free slot where it belongs.
func (s *windowShard) slot(f fingerprint) (int, bool) {
	if len(s.tags) == 0 {
		return 0, false
	}
	mask := len(s.tags) - 1
	tag := f.tag()
	for i := int(f.hi) & mask; ; i = (i + 1) & mask {
		if s.tags[i] == 0 {
			return i, false
		}
		if s.tags[i] != tag {
			continue
		}
		e := &s.buckets[s.places[i]>>placeBits].entries[s.places[i]&maxPerHour]
		if e.is(f) {
			return i, true
		}
	}
}

// insert takes in what became durable at a second.
func (s *windowShard) insert(f fingerprint, body uint32, at, keep int64) {
	now := at / hour
	if now > s.newest {
		s.advance(now, keep)
	}
	if at < 0 || now <= s.newest-keep {
		return // older than the window
	}
	if e, known := s.find(f); e != nil {
		if body == 0 {
			body = e.body // the same event, stored later by the bus's clock
		}
		if known >= at {
			if e.body == 0 {
				e.body = body // the bus handed it back before its publisher had the receipt
			}
			return
		}
		if known/hour == now {
			*e = newEntry(f, at, body)
			return
		}
	}
	ring := now % windowHours
	if s.buckets[ring] == nil {
		s.buckets[ring] = &bucket{hour: now}
	}
	b := s.buckets[ring]
	if b.hour != now || len(b.entries) == maxPerHour {
		return // full: a repeat may pass, an event is never lost
	}
	b.entries = append(b.entries, newEntry(f, at, body))
	if (s.count+1)*5 > len(s.tags)*4 {
		s.reindex()
		return
	}
	s.point(f, ring, len(b.entries)-1)
}

// point makes the index name the entry as the place of f, unless it names a newer one.
func (s *windowShard) point(f fingerprint, ring int64, number int) {
	i, known := s.slot(f)
	switch {
	case !known:
		s.count++
	case s.buckets[s.places[i]>>placeBits].hour > s.buckets[ring].hour:
		return
	}
	s.tags[i] = f.tag()
	s.places[i] = uint32(ring)<<placeBits | uint32(number)
}

// advance begins a new hour: what is too old goes, and what grows no more gives back the room
// it had for growing.
func (s *windowShard) advance(now, keep int64) {
	s.newest = now
	dropped := false
	for i, b := range s.buckets {
		switch {
		case b == nil:
		case b.hour <= now-keep:
			s.buckets[i] = nil
			dropped = true
		case cap(b.entries) > len(b.entries):
			b.entries = append(make([]entry, 0, len(b.entries)), b.entries...)
		}
	}
	if dropped {
		s.reindex()
	}
}

// reindex makes the index anew over all buckets, with room for a quarter more.
func (s *windowShard) reindex() {
	n := 0
	for _, b := range s.buckets {
		if b != nil {
			n += len(b.entries)
		}
	}
	slots := 64
	for slots*4 < (n+1)*5 {
		slots *= 2
	}
	s.tags, s.places, s.count = make([]uint8, slots), make([]uint32, slots), 0
	for ring, b := range s.buckets {
		if b == nil {
			continue
		}
		for number := range b.entries {
			s.point(b.entries[number].print(), int64(ring), number)
		}
	}
}
