package journal

import (
	"cmp"
	"log/slog"
	"slices"
	"sync"

	"github.com/hookspan/hookspan/bridge/delivery"
)

// Options of an Index; the zero value works.
type Options struct {
	Ended     int          // how many deliveries that ended are kept; 100,000 when 0
	Records   int          // how many attempts Load reads at most, about; three times Ended when 0
	TextBytes int          // how much of requests and answers is kept in all; 32 MiB when 0
	Log       *slog.Logger // slog.Default() when nil
}

// An Index holds the deliveries that are pending and the last ones that ended.
type Index struct {
	o       Options
	places  []int64 // by shard, up to where its journal was read; of Load, then of Follow
	skipped bool    // some of the journal could not be read; of Follow

	mu      sync.RWMutex
	rows    map[string]*row
	arrived []*row // by order; may hold evicted rows for a while
	evicted int    // how many of those
	order   uint64
	ended   queue
	kept    int      // rows that have ended
	texts   []*text  // the oldest first; may hold dropped ones for a while
	dropped int      // how many of those
	bytes   int      // of texts
	load    *loading // what Load has come to; until it is over nothing that has ended goes
	counts  map[Status]int64
	notes   map[string]delivery.Note // by endpoint: the newest, of those that say something

	replicas map[string]delivery.Presence // by name: the newest
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
	if o.Records <= 0 {
		o.Records = 3 * o.Ended
	}
	if o.TextBytes <= 0 {
		o.TextBytes = 32 << 20
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	return &Index{o: o, rows: map[string]*row{}, counts: map[Status]int64{}, notes: map[string]delivery.Note{}, replicas: map[string]delivery.Presence{}}
}

// Attempted takes one record of the journal: an attempt, or an end without one. Its texts are
// kept, so they are no parts of larger ones (delivery.EventRef.Compact).
func (ix *Index) Attempted(a delivery.Attempt) {
	ix.mu.Lock()
	defer ix.mu.Unlock()
	ix.take(&a)
	ix.count(&a)
}

func (ix *Index) count(a *delivery.Attempt) {
	if a.Outcome != "" {
		ix.counts[statusOf(a.Outcome).public()]++
	}
}

// Waiting takes a delivery that waits, as its shard's log has it. What the journal knows
// better stays.
func (ix *Index) Waiting(e delivery.Entry) {
	ix.mu.Lock()
	defer ix.mu.Unlock()
	r := ix.row(e.ID, e.Endpoint, &e.Event)
	was := r.status
	r.wait(&e)
	ix.moved(r, was)
}

// Takeovers is the observer of a process that follows the journal. Attempts come to the index
// through the journal, whoever made them; of its own the process only counts the endings.
func (ix *Index) Takeovers() delivery.Observer { return takeovers{ix} }

type takeovers struct{ ix *Index }

// Attempted implements delivery.Observer.
func (t takeovers) Attempted(a delivery.Attempt) {
	t.ix.mu.Lock()
	defer t.ix.mu.Unlock()
	t.ix.count(&a)
}

// Waiting implements delivery.Observer.
func (t takeovers) Waiting(e delivery.Entry) { t.ix.Waiting(e) }

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

// Ended counts the deliveries that this process ended since it began, by status.
func (ix *Index) Ended() map[Status]int64 {
	ix.mu.RLock()
	defer ix.mu.RUnlock()
	return map[Status]int64{Delivered: ix.counts[Delivered], Failed: ix.counts[Failed], Discarded: ix.counts[Discarded]}
}

func (ix *Index) row(id, endpoint string, e *delivery.EventRef) *row {
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

func (ix *Index) take(a *delivery.Attempt) {
	if t := ix.enter(a); t != nil {
		ix.keepText(t)
	}
}

// enter takes a record and returns what was said, nil for nothing.
func (ix *Index) enter(a *delivery.Attempt) *text {
	r := ix.row(a.Delivery, a.Endpoint, &a.Event)
	was := r.status
	t := r.take(a)
	ix.moved(r, was)
	return t
}

// moved counts a row that has ended, and takes one that is tried again, as an operator may
// have it, out of those that have.
func (ix *Index) moved(r *row, was status) {
	switch {
	case was == pending && r.status != pending:
		ix.end(r)
	case was != pending && r.status == pending:
		r.turn++
		ix.kept--
	}
}

func (ix *Index) end(r *row) {
	ix.ended.push(ending{r, r.turn})
	if ix.kept++; ix.load == nil {
		ix.trimEnded()
	}
}

// trimEnded forgets those that ended first, beyond what is kept.
func (ix *Index) trimEnded() {
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

// keepText counts what the two sides of an attempt said. Beyond the limit the oldest texts go, a
// quarter of all at a time; what was dropped does not stay in the list either.
func (ix *Index) keepText(t *text) {
	ix.texts = append(ix.texts, t)
	ix.bytes += t.size()
	ix.trimTexts()
}

func (ix *Index) trimTexts() {
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
	t.drop()
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

// arrange puts them in the order in which they ended.
func (q *queue) arrange() {
	slices.SortStableFunc(q.items[q.head:], func(a, b ending) int { return cmp.Compare(a.row.next, b.row.next) })
}

func (q *queue) pop() ending {
	x := q.items[q.head]
	q.items[q.head] = ending{}
	if q.head++; q.head > len(q.items)/2 {
		q.items = append([]ending(nil), q.items[q.head:]...)
		q.head = 0
	}
	return x
}
