// Package quarantine keeps what was published to followed topics, is meant to be an event and is
// none: such a message is durable in the quarantine before anybody passes it. An attribute that an
// event lost is told in the log, and a message that was wrapped although it looks like an event.
//
// One shard of each partition is its warden: whoever owns that one does it. So nothing is passed
// over in silence, and on several replicas one tells.
package quarantine

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/time/rate"

	"github.com/hookspan/hookspan/bridge/aside"
	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/event"
	"github.com/hookspan/hookspan/bridge/logline"
)

const (
	atOnce     = 64
	placesMost = 10_000 // that are remembered
	linesMost  = 50     // a second, in the log
)

// Options are what a Quarantine needs. All are needed.
type Options struct {
	Publisher   bus.Publisher
	Topic       string
	Log         *slog.Logger
	Quarantined func() // called for each message
	PassedOver  func() // called for each of which the bus keeps nothing
	Dropped     func() // called for each attribute that an event lost
	Alike       func() // called for each message that is no event and looks like one
}

// A Quarantine is where messages go that are no events. It is safe for concurrent use.
type Quarantine struct {
	Options
	lock       chan struct{} // one slot: held while a batch is set aside
	lines      *rate.Limiter
	suppressed atomic.Int64 // lines since the last one

	kept, told places // of messages in the quarantine, and of those that were told of
	alike      places // topics and what of them was told, instead

	mu      sync.Mutex
	skipped bus.Positions // what wardens were moved over while there was no endpoint
}

// New keeps nothing yet.
func New(o Options) *Quarantine {
	return &Quarantine{
		Options: o, lock: make(chan struct{}, 1), lines: rate.NewLimiter(linesMost, linesMost),
		skipped: bus.Positions{},
	}
}

// Warden is the shard that answers for a partition.
func Warden(p bus.Partition, shards int) int {
	h := fnv.New32a()
	_, _ = h.Write([]byte(p)) // never fails
	return int(h.Sum32() % uint32(shards))
}

// Flawed reports whether a batch has anything to be set aside or told of.
func Flawed(batch []bus.Message) bool {
	for i := range batch {
		if flawed(&batch[i]) {
			return true
		}
	}
	return false
}

func flawed(m *bus.Message) bool { return m.Fault != "" || len(m.Flaws) > 0 || m.Likeness != "" }

// Keep sets aside what of a batch lies after the place of its warden, and returns nil once all of
// that is durable.
func (q *Quarantine) Keep(ctx context.Context, at bus.Position, batch []bus.Message) error {
	due := make([]*bus.Message, 0, len(batch))
	for i := range batch {
		if m := &batch[i]; flawed(m) && !at.Reaches(m.Position) {
			due = append(due, m)
		}
	}
	return q.keepAll(ctx, due)
}

// KeepSkipped does it for ranges. What their endpoints are fed has passed the warden in the live
// feed, but for what it skipped.
func (q *Quarantine) KeepSkipped(ctx context.Context, p bus.Partition, batch []bus.Message) error {
	if !Flawed(batch) {
		return nil
	}
	q.mu.Lock()
	skipped := q.skipped[p]
	q.mu.Unlock()
	var due []*bus.Message
	for i := range batch {
		if m := &batch[i]; flawed(m) && skipped.Reaches(m.Position) {
			due = append(due, m)
		}
	}
	return q.keepAll(ctx, due)
}

// Skipped notes that a warden is moved over what was stored while there was no endpoint.
func (q *Quarantine) Skipped(p bus.Partition, to bus.Position) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if at := q.skipped[p]; !at.Reaches(to) {
		q.skipped[p] = to
	}
}

// keepAll returns nil once all are durable in the quarantine.
func (q *Quarantine) keepAll(ctx context.Context, due []*bus.Message) error {
	if len(due) == 0 {
		return nil
	}
	select {
	case q.lock <- struct{}{}:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	defer func() { <-q.lock }()
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	for _, m := range due {
		switch place := aside.PlaceOf(m.Partition, m.Position); {
		case m.Fault != "" && !q.kept.has(place):
			group.Go(func() error { return q.publish(ctx, m, place) })
		case m.Fault == "" && !q.told.has(place):
			q.tell(m)
			q.told.add(place)
		}
	}
	return group.Wait()
}

// places are those of messages that were dealt with.
type places struct {
	mu  sync.Mutex
	all map[string]bool
}

func (p *places) has(place string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.all[place]
}

func (p *places) add(place string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.all == nil || len(p.all) >= placesMost {
		p.all = map[string]bool{}
	}
	p.all[place] = true
}

// publish makes a message durable in the quarantine, as much of it as the bus takes. What is too large
// at any length is told of and passed over: nothing behind it would ever be read.
func (q *Quarantine) publish(ctx context.Context, m *bus.Message, place string) error {
	cut, err := aside.Put(ctx, q.Publisher, aside.Letter{Topic: q.Topic, Event: held(m, place), Key: "quarantine " + place, Place: place})
	switch {
	case errors.Is(err, bus.ErrTooLarge):
		q.kept.add(place)
		q.PassedOver()
		q.log(slog.LevelError, "message passed over: it is no valid CloudEvent, and too large for the quarantine", m,
			slog.String("detail", m.Fault), slog.String("place", place), slog.Any("error", err))
		return nil
	case err != nil:
		return fmt.Errorf("quarantine the message at %s, which is no event (%s): %w", place, m.Fault, err)
	}
	q.kept.add(place)
	q.Quarantined()
	q.log(slog.LevelWarn, "message quarantined: it is no valid CloudEvent", m, slog.String("detail", m.Fault), slog.Bool("cut", cut))
	return nil
}

// held is what goes to the quarantine of a message: what was legible, the data as it came,
// why, and where the message lies.
func held(m *bus.Message, place string) *event.Event {
	e := *m.Event
	e.Extensions = append([]event.Extension(nil), e.Extensions...)
	e.SetExtension("hookspanreason", "invalid_body")
	e.SetExtension("hookspandetail", m.Fault)
	e.SetExtension("hookspantopic", event.Clean(m.Topic))
	e.SetExtension("hookspanplace", event.Clean(place))
	if e.Extension("recordedtime") == "" {
		e.SetExtension("recordedtime", m.Stored.UTC().Format(time.RFC3339Nano))
	}
	return &e
}

// tell counts what there is to say of a message. Each event that lost something has its line; of messages
// that look like events a topic may hold nothing else, and one line says of all of them what to mend.
func (q *Quarantine) tell(m *bus.Message) {
	for _, f := range m.Flaws {
		q.Dropped()
		q.log(slog.LevelWarn, "attribute left out", m, slog.String("attribute", f.Attribute), slog.String("detail", f.Reason))
	}
	if m.Likeness == "" {
		return
	}
	q.Alike()
	if alike := m.Topic + ": " + m.Likeness; !q.alike.has(alike) && q.log(slog.LevelWarn, "message wrapped although it looks like a CloudEvent", m, slog.String("detail", m.Likeness)) {
		q.alike.add(alike)
	}
}

// log writes a line about a message, unless there are too many.
func (q *Quarantine) log(level slog.Level, message string, m *bus.Message, more ...slog.Attr) (written bool) {
	if !q.lines.Allow() {
		q.suppressed.Add(1)
		return false
	}
	attrs := append([]slog.Attr{
		slog.String("topic", event.Clean(m.Topic)), slog.Int64("position", m.Position.Seq),
		slog.String("event", event.Short(m.Event.ID)), slog.String("type", event.Short(m.Event.Type)),
	}, more...)
	q.Log.LogAttrs(context.Background(), level, message, append(attrs, logline.Suppressed(q.suppressed.Swap(0)))...)
	return true
}
