package dispatch

import (
	"container/heap"
	"slices"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/delivery"
	"github.com/hookspan/hookspan/bridge/event"
	"github.com/hookspan/hookspan/bridge/tracing"
)

// status is where a delivery stands in the memory of its shard's owner.
type status uint8

const (
	queued    status = iota // handed over, waits for its first attempt
	running                 // an attempt runs, or its record is not acknowledged yet
	waiting                 // for its due time
	ordered                 // behind another one of its key
	asked                   // a command wants an attempt now; it begins once the delta that counts the command is in the log
	expiring                // it ends without an attempt, and the record of that is not acknowledged yet
	final                   // its final record is acknowledged
	forgotten               // its endpoint left the live feed before it began; a reader will meet it again
)

// A pendingDelivery is one event on its way to one endpoint, in memory.
type pendingDelivery struct {
	*delivery.Entry // changed by draft alone
	lane            *lane
	job             *job            // the replay that it belongs to, while that goes on
	event           *event.Event    // nil once it would have to be read again
	trace           *tracing.Parent // of its attempts; nil where the reading was not recorded, or is forgotten
	began           time.Time       // its attempt that runs

	mark int64 // the journal's end as known when the attempt began

	size      int32
	heapIndex int32
	mortal    int32 // its place among the mortals of its lane, from 1; 0: none
	status    status
	entry     durability
	own       bool // the event's texts are no longer parts of the message
	shared    bool // the state log has the entry, too

	delivered  bool // it has ended, with success
	cancelled  bool // an operator wants no further attempt
	turnedAway bool // its filter failed: it is no delivery, and nobody but a feed knows of it
}

// draft is the entry to change, under the shard's mutex: what the state log has stays as it is.
func (d *pendingDelivery) draft() *delivery.Entry {
	if d.shared {
		e := *d.Entry
		d.Entry, d.shared = &e, false
	}
	return d.Entry
}

// settled: a successor will not need to be fed it again.
func (d *pendingDelivery) settled() bool {
	return d.status == final || d.entry.covered()
}

// handed is a delivery in the order of one feed, with the place just before it there.
type handed struct {
	*pendingDelivery
	before bus.Position
}

// A fifo is a queue; the zero value is empty.
type fifo[T any] struct {
	items []T
	head  int
}

func (q *fifo[T]) len() int  { return len(q.items) - q.head }
func (q *fifo[T]) front() *T { return &q.items[q.head] }
func (q *fifo[T]) push(v T)  { q.items = append(q.items, v) }
func (q *fifo[T]) all() []T  { return q.items[q.head:] }

// truncate drops all but the first n.
func (q *fifo[T]) truncate(n int) {
	clear(q.items[q.head+n:])
	q.items = q.items[:q.head+n]
}

func (q *fifo[T]) pop() T {
	v := q.items[q.head]
	var zero T
	q.items[q.head] = zero
	q.head++
	if q.head > 64 && q.head*2 > len(q.items) {
		n := copy(q.items, q.items[q.head:])
		clear(q.items[n:])
		q.items, q.head = q.items[:n], 0
	}
	return v
}

// cutBack drops what lies beyond a place of a feed.
func cutBack(q *fifo[handed], to bus.Position) {
	if i := slices.IndexFunc(q.all(), func(h handed) bool { return h.Event.Seq > to.Seq }); i >= 0 {
		q.truncate(i)
	}
}

// dueHeap orders waiting deliveries by their due time.
type dueHeap []*pendingDelivery

func (h dueHeap) Len() int           { return len(h) }
func (h dueHeap) Less(i, j int) bool { return h[i].Due.Before(h[j].Due) }
func (h dueHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].heapIndex, h[j].heapIndex = int32(i), int32(j)
}
func (h *dueHeap) Push(x any) {
	d := x.(*pendingDelivery)
	d.heapIndex = int32(len(*h))
	*h = append(*h, d)
}
func (h *dueHeap) Pop() any {
	old := *h
	d := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	d.heapIndex = -1
	return d
}

// wait puts a delivery among those that wait for their due time.
func (h *dueHeap) wait(d *pendingDelivery) {
	d.status = waiting
	heap.Push(h, d)
}

// take removes a waiting delivery.
func (h *dueHeap) take(d *pendingDelivery) {
	if i := int(d.heapIndex); i >= 0 && i < len(*h) && (*h)[i] == d {
		heap.Remove(h, i)
	}
}
