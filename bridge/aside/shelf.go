package aside

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/delivery"
	"github.com/hookspan/hookspan/bridge/event"
)

// itemsMost is how many items are kept in memory: the newest.
const itemsMost = 100_000

// readTries is how often a topic is read anew that is made anew, or cut back, meanwhile.
const readTries = 3

// Options are what a Shelf needs. All are needed but Resolved and Most.
type Options struct {
	Topic     string
	Reader    bus.Topics // of that topic alone
	Publisher bus.Publisher
	Resolved  func(Act) // is called for each item that something became of
	Most      int       // items in memory; 100,000 when 0
}

// A Shelf is what lies on one of the topics.
type Shelf struct {
	o    Options
	lock chan struct{} // one slot: held by whoever reads

	mu    sync.Mutex
	read  bus.Positions
	items map[string]*Item
	gone  map[string]mark // marks that were read, for what comes behind them in another partition
}

// New has read nothing.
func New(o Options) *Shelf {
	s := &Shelf{o: o, lock: make(chan struct{}, 1)}
	s.forget()
	return s
}

func (s *Shelf) forget() {
	s.read, s.items, s.gone = bus.Positions{}, map[string]*Item{}, map[string]mark{}
}

// ErrNoItem: there is none of this id, or something has become of it.
var ErrNoItem = errors.New("there is no such event aside, or something has become of it already")

// Get finds an item and reads its event, as it lies there. ErrNoItem, or an error of the bus.
func (s *Shelf) Get(ctx context.Context, id string) (Item, *event.Event, error) {
	if err := s.refresh(ctx); err != nil {
		return Item{}, nil, err
	}
	s.mu.Lock()
	it := s.items[id]
	s.mu.Unlock()
	if it == nil {
		return Item{}, nil, ErrNoItem
	}
	m, err := s.o.Reader.Get(ctx, it.Event.Partition, it.Event.Position)
	switch {
	case errors.Is(err, bus.ErrGone):
		return Item{}, nil, ErrNoItem
	case err != nil:
		return Item{}, nil, fmt.Errorf("read what is set aside: %w", err)
	}
	return *it, m.Event, nil
}

// All are the items that are wanted, the newest first.
func (s *Shelf) All(ctx context.Context, wants func(*Item) bool) ([]Item, error) {
	if err := s.refresh(ctx); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []Item
	for _, it := range s.items {
		if wants(it) {
			all = append(all, *it)
		}
	}
	slices.SortFunc(all, func(a, b Item) int { return newerFirst(&a, &b) })
	return all, nil
}

func newerFirst(a, b *Item) int {
	return cmp.Or(b.Stored.Compare(a.Stored), cmp.Compare(b.ID, a.ID))
}

// Resolve makes durable what has become of an item: it is listed no more.
func (s *Shelf) Resolve(ctx context.Context, it *Item, act Act) error {
	e := it.mark(act)
	if _, err := s.o.Publisher.Publish(ctx, s.o.Topic, e, bus.PublishOptions{Reserved: true, Key: e.ID}); err != nil {
		return fmt.Errorf("note what became of %s: %w", it.ID, err)
	}
	s.mu.Lock()
	s.resolve(mark{it.ID, it.Stored})
	s.mu.Unlock()
	if s.o.Resolved != nil {
		s.o.Resolved(act)
	}
	return nil
}

// refresh reads the topic on to its end.
func (s *Shelf) refresh(ctx context.Context) error {
	select {
	case s.lock <- struct{}{}:
		defer func() { <-s.lock }()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	var err error
	for range readTries {
		if err = s.readOn(ctx); !errors.Is(err, bus.ErrRecreated) && !errors.Is(err, bus.ErrCutBack) {
			break
		}
		s.mu.Lock()
		s.forget() // a mark may lie in another partition than what it is about
		s.mu.Unlock()
	}
	if err != nil {
		return fmt.Errorf("read %s: %w", s.o.Topic, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.gone) // all that they are about has been read
	s.trim()
	return nil
}

var errAllRead = errors.New("everything was read")

func (s *Shelf) readOn(ctx context.Context) error {
	spans, err := s.o.Reader.Spans(ctx)
	if err != nil {
		return err
	}
	for _, span := range spans {
		p := span.Partition
		if span.Away {
			return fmt.Errorf("%s: %w", p, bus.ErrAway)
		}
		front := bus.Position{Identity: span.Identity, Seq: span.First - 1}
		s.mu.Lock()
		at, known := s.read[p]
		s.expire(p, front)
		s.mu.Unlock()
		switch {
		case known && !at.Same(front):
			return bus.ErrRecreated
		case !known || at.Seq < front.Seq:
			at = front
		}
		if at.Seq >= span.End.Seq && known {
			continue
		}
		err := s.o.Reader.Follow(ctx, p, at, func(batch []bus.Message) error {
			if len(batch) == 0 {
				return errAllRead
			}
			s.take(batch)
			return nil
		})
		if !errors.Is(err, errAllRead) {
			return err
		}
		s.mu.Lock()
		if !s.read[p].Reaches(span.End) { // what lies between is of other topics
			s.read[p] = span.End
		}
		s.mu.Unlock()
	}
	return nil
}

func (s *Shelf) take(batch []bus.Message) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range batch {
		m := &batch[i]
		s.read[m.Partition] = m.Position
		if !delivery.IsMark(m.Event) {
			s.put(itemOf(m))
			continue
		}
		var k mark
		if json.Unmarshal(m.Event.Data, &k) == nil { // else it is about nothing
			s.resolve(k)
		}
	}
}

// put takes an item in. A delivery that was given up a second time has a second letter, which
// stands for both.
func (s *Shelf) put(it *Item) {
	if k, ok := s.gone[it.ID]; ok && !it.Stored.After(k.Stored) {
		return
	}
	if had := s.items[it.ID]; had == nil || it.Stored.After(had.Stored) {
		s.items[it.ID] = it
	}
}

func (s *Shelf) resolve(k mark) {
	if had := s.items[k.ID]; had != nil && !had.Stored.After(k.Stored) {
		delete(s.items, k.ID)
	}
	if have, ok := s.gone[k.ID]; !ok || k.Stored.After(have.Stored) {
		s.gone[k.ID] = k
	}
}

// expire forgets what the partition keeps no more.
func (s *Shelf) expire(p bus.Partition, front bus.Position) {
	for id, it := range s.items {
		if it.Event.Partition == p && it.Event.Same(front) && it.Event.Seq <= front.Seq {
			delete(s.items, id)
		}
	}
}

// trim forgets the oldest beyond what is kept.
func (s *Shelf) trim() {
	most := cmp.Or(s.o.Most, itemsMost)
	if len(s.items) <= most {
		return
	}
	all := make([]*Item, 0, len(s.items))
	for _, it := range s.items {
		all = append(all, it)
	}
	slices.SortFunc(all, newerFirst)
	for _, it := range all[most:] {
		delete(s.items, it.ID)
	}
}
