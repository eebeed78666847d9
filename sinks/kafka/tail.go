package kafka

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
	// tapPages is how many pages a reader may be behind the tail, and heldBytes how much all
	// readers together; beyond it a reader goes on by itself.
	tapPages  = 8
	heldBytes = 32 << 20
)

// A tail waits at the end of all partitions that somebody follows: one request per broker on
// its way at a time, for all that it leads. A reader that does not keep up loses its tap, and
// a partition whose leader moves loses all of them: its readers look where they stand and come
// back.
type tail struct {
	cl      *kgo.Client
	ctx     context.Context // ends with close
	stop    context.CancelFunc
	running sync.WaitGroup
	held    atomic.Int64 // bytes in taps

	mu     sync.Mutex
	closed bool
	spots  map[tailKey]*watched
	loops  map[int32]bool // by broker
}

type tailKey struct {
	identity string
	n        int32
}

// watched is a partition that somebody waits at.
type watched struct {
	spot
	next int64
	taps []*tap
}

// A tap is one reader's place at the tail.
type tap struct {
	w     *watched
	pages chan page // the tail sends and closes; the reader receives
	moved bool      // written before pages is closed: the partition's leader moved or is away
}

func newTail(cl *kgo.Client) *tail {
	t := &tail{cl: cl, spots: map[tailKey]*watched{}, loops: map[int32]bool{}}
	t.ctx, t.stop = context.WithCancel(context.Background())
	return t
}

// close ends all taps.
func (t *tail) close() {
	t.stop()
	t.mu.Lock()
	t.closed = true
	for _, w := range t.spots {
		t.lose(w)
	}
	t.mu.Unlock()
	t.running.Wait()
	t.cl.Close()
}

// join waits at a partition's end from `next` on. The tap's pages begin at `from`; what lies
// between, if anything, the reader has to fetch.
func (t *tail) join(s spot, next int64) (_ *tap, from int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	key := tailKey{s.identity, s.n}
	w := t.spots[key]
	if w != nil && (w.lead().epoch != s.lead().epoch || w.lead().node != s.lead().node) {
		t.lose(w)
		w = nil
	}
	if w == nil {
		w = &watched{spot: s, next: next}
		t.spots[key] = w
	}
	p := &tap{w: w, pages: make(chan page, tapPages)}
	w.taps = append(w.taps, p)
	if t.closed {
		t.lose(w)
	} else if node := s.lead().node; !t.loops[node] {
		t.loops[node] = true
		t.running.Go(func() { t.run(node) })
	}
	return p, w.next
}

// leave gives a tap back.
func (t *tail) leave(p *tap) {
	t.mu.Lock()
	t.drop(p, false)
	t.mu.Unlock()
	for left := range p.pages {
		t.held.Add(-int64(len(left.raw.RecordBatches)))
	}
}

// drop closes a tap, if that has not been done. The caller holds mu.
func (t *tail) drop(p *tap, moved bool) {
	for i, q := range p.w.taps {
		if q != p {
			continue
		}
		p.w.taps = append(p.w.taps[:i], p.w.taps[i+1:]...)
		p.moved = moved
		close(p.pages)
		break
	}
	if key := (tailKey{p.w.identity, p.w.n}); len(p.w.taps) == 0 && t.spots[key] == p.w {
		delete(t.spots, key)
	}
}

// lose ends all taps of a partition. The caller holds mu.
func (t *tail) lose(w *watched) {
	for len(w.taps) > 0 {
		t.drop(w.taps[0], true)
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
	for _, w := range t.spots {
		if w.lead().node == node {
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
		if i, ok := byTopic[w.identity]; ok {
			req.Topics[i].Partitions = append(req.Topics[i].Partitions, ask.Partitions...)
			continue
		}
		byTopic[w.identity] = len(req.Topics)
		req.Topics = append(req.Topics, ask)
	}
	ctx, cancel := context.WithTimeout(t.ctx, requestTimeout)
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
			byPlace[place{id: w.id, n: w.n}] = w
		} else {
			byPlace[place{name: w.name, n: w.n}] = w
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
				p := newPage(w.spot, raw, w.from)
				if p.check() != nil { // its readers ask themselves, and say so
					t.lose(w.watched)
					continue
				}
				t.push(w, p)
			}
		}
	}
}

// push hands a page to each tap that has room. The caller holds mu.
func (t *tail) push(w due, p page) {
	if p.next == w.next {
		return
	}
	w.watched.next = p.next
	size := int64(len(p.raw.RecordBatches))
	for i := len(w.taps) - 1; i >= 0; i-- {
		tap := w.taps[i]
		if len(tap.pages) == cap(tap.pages) || len(tap.pages) > 0 && t.held.Load()+size > heldBytes {
			t.drop(tap, false)
			continue
		}
		t.held.Add(size)
		tap.pages <- p
	}
}
