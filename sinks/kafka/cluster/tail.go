package cluster

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

const (
	// tailWaitMillis is how long a broker holds a fetch back for something to come; a reader
	// that joins may wait as long until it is asked for, too.
	tailWaitMillis = 250
	// tailBytes bounds an answer of one broker.
	tailBytes = 8 << 20
	// subscriptionPages is how many pages a reader may be behind the tail, and heldBytes how much all
	// readers together; beyond it a reader goes on by itself.
	subscriptionPages = 8
	heldBytes         = 32 << 20
)

// A tail waits at the end of all partitions that somebody follows: one request per broker on
// its way at a time, for all that it leads. A reader that does not keep up loses its
// subscription, and a partition whose leader moves loses all of them: its readers look where
// they stand and come back.
type tail struct {
	cl      *kgo.Client
	ctx     context.Context // ends with close
	stop    context.CancelFunc
	running sync.WaitGroup
	held    atomic.Int64 // bytes in subscriptions

	mu         sync.Mutex
	closed     bool
	partitions map[tailKey]*watched
	loops      map[int32]bool // by broker
}

type tailKey struct {
	identity string
	n        int32
}

// watched is a partition that somebody waits at.
type watched struct {
	PartitionRef
	next          int64
	subscriptions []*subscription
}

// A subscription is one reader's place at the tail.
type subscription struct {
	w     *watched
	pages chan page // the tail sends and closes; the reader receives
	moved bool      // written before pages is closed: the partition's leader moved or is away
}

func newTail(cl *kgo.Client) *tail {
	t := &tail{cl: cl, partitions: map[tailKey]*watched{}, loops: map[int32]bool{}}
	t.ctx, t.stop = context.WithCancel(context.Background())
	return t
}

// close ends all subscriptions.
func (t *tail) close() {
	t.stop()
	t.mu.Lock()
	t.closed = true
	for _, w := range t.partitions {
		t.lose(w)
	}
	t.mu.Unlock()
	t.running.Wait()
	t.cl.Close()
}

// join waits at a partition's end from `next` on. The subscription's
// pages begin at `from`; what lies between, if anything, the reader has to fetch.
func (t *tail) join(s PartitionRef, next int64) (_ *subscription, from int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	key := tailKey{s.Identity, s.Number}
	w := t.partitions[key]
	if w != nil && (w.Leader().Epoch != s.Leader().Epoch || w.Leader().Node != s.Leader().Node) {
		t.lose(w)
		w = nil
	}
	if w == nil {
		w = &watched{PartitionRef: s, next: next}
		t.partitions[key] = w
	}
	p := &subscription{w: w, pages: make(chan page, subscriptionPages)}
	w.subscriptions = append(w.subscriptions, p)
	if t.closed {
		t.lose(w)
	} else if node := s.Leader().Node; !t.loops[node] {
		t.loops[node] = true
		t.running.Go(func() { t.run(node) })
	}
	return p, w.next
}

// leave gives a subscription back.
func (t *tail) leave(p *subscription) {
	t.mu.Lock()
	t.drop(p, false)
	t.mu.Unlock()
	for left := range p.pages {
		t.held.Add(-int64(len(left.raw.RecordBatches)))
	}
}

// drop closes a subscription, if that has not been done. The caller holds mu.
func (t *tail) drop(p *subscription, moved bool) {
	for i, q := range p.w.subscriptions {
		if q != p {
			continue
		}
		p.w.subscriptions = append(p.w.subscriptions[:i], p.w.subscriptions[i+1:]...)
		p.moved = moved
		close(p.pages)
		break
	}
	if key := (tailKey{p.w.Identity, p.w.Number}); len(p.w.subscriptions) == 0 && t.partitions[key] == p.w {
		delete(t.partitions, key)
	}
}

// lose ends all subscriptions of a partition. The caller holds mu.
func (t *tail) lose(w *watched) {
	for len(w.subscriptions) > 0 {
		t.drop(w.subscriptions[0], true)
	}
}

// run fetches from one broker until nobody waits for any partition of it.
func (t *tail) run(node int32) {
	for turn := 0; ; turn++ {
		waiting := t.waiting(node)
		if len(waiting) == 0 {
			return
		}
		// What comes first in a request is served first.
		first := turn % len(waiting)
		waiting = append(waiting[first:len(waiting):len(waiting)], waiting[:first]...)
		answer, err := t.fetch(node, waiting)
		t.mu.Lock()
		if err != nil || answer.ErrorCode != 0 {
			for _, w := range waiting {
				t.lose(w.watched)
			}
		} else {
			t.hand(waiting, answer)
		}
		t.mu.Unlock()
	}
}

// due is a partition and the place from which it is fetched.
type due struct {
	*watched
	from int64
}

// waiting lists the partitions of a broker; with none its loop ends.
func (t *tail) waiting(node int32) []due {
	t.mu.Lock()
	defer t.mu.Unlock()
	var list []due
	for _, w := range t.partitions {
		if w.Leader().Node == node {
			list = append(list, due{w, w.next})
		}
	}
	if len(list) == 0 {
		delete(t.loops, node)
	}
	return list
}

func (t *tail) fetch(node int32, waiting []due) (*kmsg.FetchResponse, error) {
	req := fetchRequest(tailWaitMillis, tailBytes)
	byTopic := make(map[string]int, len(waiting))
	for _, w := range waiting {
		ask := w.ask(w.from, pageBytes)
		if i, ok := byTopic[w.Identity]; ok {
			req.Topics[i].Partitions = append(req.Topics[i].Partitions, ask.Partitions...)
			continue
		}
		byTopic[w.Identity] = len(req.Topics)
		req.Topics = append(req.Topics, ask)
	}
	ctx, cancel := context.WithTimeout(t.ctx, RequestTimeout)
	defer cancel()
	resp, err := t.cl.Broker(int(node)).RetriableRequest(ctx, req)
	if err != nil {
		return nil, err
	}
	return resp.(*kmsg.FetchResponse), nil
}

// hand gives what came to whoever waits. The caller holds mu.
func (t *tail) hand(waiting []due, answer *kmsg.FetchResponse) {
	type place struct {
		id   [16]byte
		name string
		n    int32
	}
	byPlace := make(map[place]due, len(waiting))
	for _, w := range waiting {
		if answer.Version >= fetchByID { // topics go by their ids
			byPlace[place{id: w.ID, n: w.Number}] = w
		} else {
			byPlace[place{name: w.Name, n: w.Number}] = w
		}
	}
	for i := range answer.Topics {
		rt := &answer.Topics[i]
		for j := range rt.Partitions {
			raw := &rt.Partitions[j]
			at := place{n: raw.Partition, name: rt.Topic}
			if answer.Version >= fetchByID {
				at = place{n: raw.Partition, id: rt.TopicID}
			}
			switch w, ok := byPlace[at]; {
			case !ok:
			case raw.ErrorCode != 0:
				t.lose(w.watched)
			default:
				p := newPage(w.PartitionRef, raw, w.from)
				if p.check() != nil { // its readers ask themselves, and say so
					t.lose(w.watched)
					continue
				}
				t.push(w, p)
			}
		}
	}
}

// push hands a page to each subscription that has room. The caller holds mu.
func (t *tail) push(w due, p page) {
	if p.Next == w.next {
		return
	}
	w.watched.next = p.Next
	size := int64(len(p.raw.RecordBatches))
	for i := len(w.subscriptions) - 1; i >= 0; i-- {
		sub := w.subscriptions[i]
		if len(sub.pages) == cap(sub.pages) || len(sub.pages) > 0 && t.held.Load()+size > heldBytes {
			t.drop(sub, false)
			continue
		}
		t.held.Add(size)
		sub.pages <- p
	}
}
