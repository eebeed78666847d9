package journal

import (
	"cmp"
	"slices"
	"sync"

	"github.com/hookspan/hookspan/bridge/dispatch"
)

// Options of an Index; the zero value works.
type Options struct {
	Ended     int // how many deliveries that ended are kept; 100,000 when 0
	TextBytes int // how much of responses and details is kept in all; 32 MiB when 0
}

// An Index holds the deliveries that are pending and the last ones that ended.
type Index struct {
	o Options

	mu      sync.RWMutex
	rows    map[string]*row
	arrived []*row // by order; may hold evicted rows for a while
	evicted int    // how many of those
	order   uint64
	ended   queue
	kept    int     // rows that have ended
	texts   []*text // the oldest first; may hold dropped ones for a while
	dropped int     // how many of those
	bytes   int     // of texts
	counts  map[Status]int64
}

// An ending is one delivery's place among those that ended.
type ending struct {
	row  *row
	turn uint32
}

// New returns an empty index.
func New(o Options) *Index {
	if o.Ended <= 0 {
		o.Ended = 100_000
	}
	if o.TextBytes <= 0 {
		o.TextBytes = 32 << 20
	}
	return &Index{o: o, rows: map[string]*row{}, counts: map[Status]int64{}}
}

// Attempted takes one record of the journal: an attempt, or an end without one. Records of a
// delivery come in their order.
func (ix *Index) Attempted(a dispatch.Attempt) {
	ix.mu.Lock()
	defer ix.mu.Unlock()
	ix.take(&a)
	if a.Outcome != "" {
		ix.counts[statusOf(a.Outcome).public()]++
	}
}

// Waiting takes a delivery that waits, as a takeover found it.
func (ix *Index) Waiting(e dispatch.Entry) {
	ix.mu.Lock()
	defer ix.mu.Unlock()
	r := ix.row(e.ID, e.Endpoint, &e.Event)
	ix.reopen(r)
	r.status, r.next = pending, nanos(e.Due)
	r.number = max(r.number, int32(e.Number))
	if created := nanos(e.Created); created != 0 {
		r.created = created
	}
	if r.created == 0 {
		r.created = r.next
	}
	if e.Batch != "" {
		r.batch = e.Batch
	}
}

// Get returns a delivery by its id.
func (ix *Index) Get(id string) (Delivery, bool) {
	ix.mu.RLock()
	defer ix.mu.RUnlock()
	r := ix.rows[id]
	if r == nil {
		return Delivery{}, false
	}
	return r.delivery(), true
}

// Ended counts the deliveries that ended since the process began, by status.
func (ix *Index) Ended() map[Status]int64 {
	ix.mu.RLock()
	defer ix.mu.RUnlock()
	return map[Status]int64{Delivered: ix.counts[Delivered], Failed: ix.counts[Failed], Discarded: ix.counts[Discarded]}
}

func (ix *Index) row(id, endpoint string, e *dispatch.EventRef) *row {
	r := ix.rows[id]
	if r == nil {
		r = newRow(id, endpoint, e)
		ix.order++
		r.order = ix.order
		ix.rows[id] = r
		ix.arrived = append(ix.arrived, r)
	}
	return r
}

func (ix *Index) take(a *dispatch.Attempt) {
	r := ix.row(a.Delivery, a.Endpoint, &a.Event)
	ix.reopen(r)
	if t := r.take(a); t != nil {
		ix.keepText(t)
	}
	if r.status != pending {
		ix.end(r)
	}
}

// reopen takes a row out of those that ended: an operator may have it tried again.
func (ix *Index) reopen(r *row) {
	if r.status != pending {
		r.turn++
		ix.kept--
	}
}

func (ix *Index) end(r *row) {
	ix.ended.push(ending{r, r.turn})
	ix.kept++
	for ix.kept > ix.o.Ended {
		oldest := ix.ended.pop()
		if oldest.row.turn != oldest.turn || oldest.row.status == pending {
			continue // it was tried again since
		}
		ix.kept--
		ix.evict(oldest.row)
	}
}

func (ix *Index) evict(r *row) {
	delete(ix.rows, r.id)
	for _, a := range r.attempts {
		if a.text != nil {
			ix.drop(a.text)
		}
	}
	r.evicted = true
	if ix.evicted++; ix.evicted > len(ix.arrived)/8 {
		ix.arrived = slices.DeleteFunc(ix.arrived, func(r *row) bool { return r.evicted })
		ix.evicted = 0
	}
}

// keepText counts what was said about an attempt. Beyond the limit the oldest texts go, a
// quarter of all at a time; what was dropped does not stay in the list either.
func (ix *Index) keepText(t *text) {
	ix.texts = append(ix.texts, t)
	ix.bytes += t.size()
	if ix.bytes > ix.o.TextBytes {
		for _, old := range ix.texts {
			if ix.bytes <= ix.o.TextBytes*3/4 {
				break
			}
			ix.drop(old)
		}
	}
	if ix.dropped > len(ix.texts)/2 {
		ix.texts = slices.DeleteFunc(ix.texts, func(t *text) bool { return t.size() == 0 })
		ix.dropped = 0
	}
}

// drop empties a text that is in texts.
func (ix *Index) drop(t *text) {
	if t.size() == 0 {
		return
	}
	ix.bytes -= t.size()
	*t = text{}
	ix.dropped++
}

// arrange puts the rows in the order in which the deliveries came to be.
func (ix *Index) arrange() {
	slices.SortStableFunc(ix.arrived, func(a, b *row) int { return cmp.Compare(a.created, b.created) })
	for i, r := range ix.arrived {
		r.order = uint64(i + 1)
	}
	ix.order = uint64(len(ix.arrived))
}

// A queue of those that ended is first in, first out, and gives back what it no longer needs.
type queue struct {
	items []ending
	head  int
}

func (q *queue) push(x ending) { q.items = append(q.items, x) }

func (q *queue) pop() ending {
	x := q.items[q.head]
	q.items[q.head] = ending{}
	if q.head++; q.head > len(q.items)/2 {
		q.items = append([]ending(nil), q.items[q.head:]...)
		q.head = 0
	}
	return x
}
