package dispatch

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

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/event"
	"github.com/hookspan/hookspan/bridge/feed"
)

const (
	asideAtOnce  = 64
	asideKept    = 10_000 // places that are remembered
	asideLines   = 10     // a second, in the log
	reasonNoData = ", and with it the message is too large for the quarantine, which names its place"
)

// An aside is what followers do with messages that are meant to be events and are none, or that
// lost an attribute. One shard of each partition is its warden: whoever owns that one makes the
// message durable in the quarantine before the shard passes it, and tells of it. So nothing is
// passed over in silence, and on several replicas one tells.
type aside struct {
	turn       chan struct{} // one slot: held while a batch is set aside
	lines      *rate.Limiter
	suppressed atomic.Int64 // lines since the last one

	mu    sync.Mutex
	kept  map[string]bool // places that are in the quarantine
	leapt bus.Positions   // what wardens were moved over while there was no endpoint
}

func newAside() *aside {
	return &aside{
		turn: make(chan struct{}, 1), lines: rate.NewLimiter(asideLines, asideLines),
		kept: map[string]bool{}, leapt: bus.Positions{},
	}
}

// warden is the shard that answers for a partition.
func (d *Dispatcher) warden(p bus.Partition) int {
	h := fnv.New32a()
	_, _ = h.Write([]byte(p)) // never fails
	return int(h.Sum32() % uint32(d.total()))
}

// keepAside sets aside what the live feed of some shards brings, for the warden among them.
func (d *Dispatcher) keepAside(ctx context.Context, shards []feed.Shard, b *feed.Batch) error {
	if !anyFlawed(b.Messages) {
		return nil
	}
	warden := d.warden(b.Partition)
	for _, s := range shards {
		at, ok := s.Place(b.Partition)
		if s.(*shard).id != warden || !ok || !at.Reaches(b.Before) {
			continue
		}
		due := make([]*bus.Message, 0, len(b.Messages))
		for i := range b.Messages {
			m := &b.Messages[i]
			if (m.Fault != "" || len(m.Flaws) > 0) && !at.Reaches(m.Position) {
				due = append(due, m)
			}
		}
		return d.setAside(ctx, due)
	}
	return nil
}

// keepAsidePast does it for ranges. What their endpoints are fed has passed the warden in the
// live feed, but for what it leapt over.
func (d *Dispatcher) keepAsidePast(ctx context.Context, b *feed.Batch) error {
	if !anyFlawed(b.Messages) {
		return nil
	}
	d.aside.mu.Lock()
	leapt := d.aside.leapt[b.Partition]
	d.aside.mu.Unlock()
	var due []*bus.Message
	for i := range b.Messages {
		if m := &b.Messages[i]; m.Fault != "" && leapt.Reaches(m.Position) {
			due = append(due, m)
		}
	}
	return d.setAside(ctx, due)
}

func anyFlawed(batch []bus.Message) bool {
	for i := range batch {
		if batch[i].Fault != "" || len(batch[i].Flaws) > 0 {
			return true
		}
	}
	return false
}

// leap notes that a warden is moved over what was stored while there was no endpoint.
func (a *aside) leap(p bus.Partition, to bus.Position) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if at := a.leapt[p]; !at.Reaches(to) {
		a.leapt[p] = to
	}
}

// setAside returns nil once all are durable in the quarantine.
func (d *Dispatcher) setAside(ctx context.Context, due []*bus.Message) error {
	if len(due) == 0 {
		return nil
	}
	a := d.aside
	select {
	case a.turn <- struct{}{}:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	defer func() { <-a.turn }()
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(asideAtOnce)
	for _, m := range due {
		if m.Fault == "" {
			d.tellFlaws(m)
			continue
		}
		if at := placeOf(m); !a.has(at) {
			group.Go(func() error { return d.quarantine(ctx, m, at) })
		}
	}
	return group.Wait()
}

func (a *aside) has(place string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.kept[place]
}

func (a *aside) keep(place string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.kept) >= asideKept {
		clear(a.kept)
	}
	a.kept[place] = true
}

// placeOf names a message for good.
func placeOf(m *bus.Message) string {
	return fmt.Sprintf("%s/%s/%d", m.Partition, m.Position.Identity, m.Position.Seq)
}

func (d *Dispatcher) quarantine(ctx context.Context, m *bus.Message, place string) error {
	e, detail := quarantined(m, place), m.Fault
	options := bus.PublishOptions{Reserved: true, Key: "quarantine " + place}
	_, err := d.store.Publish(ctx, d.conf.QuarantineTopic, e, options)
	if errors.Is(err, bus.ErrTooLarge) && len(e.Data) > 0 {
		detail += reasonNoData
		e.SetExtension("hookspandetail", detail)
		e.Data = nil
		_, err = d.store.Publish(ctx, d.conf.QuarantineTopic, e, options)
	}
	if err != nil {
		return fmt.Errorf("quarantine the message at %s, which is no event (%s): %w", place, m.Fault, err)
	}
	d.aside.keep(place)
	d.metrics.quarantined.Inc()
	d.aside.log(d.log, "message quarantined: it is no valid CloudEvent", m, slog.String("detail", detail))
	return nil
}

// quarantined is what goes to the quarantine of a message: what was legible, the data as it came,
// why, and where the message lies.
func quarantined(m *bus.Message, place string) *event.Event {
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

func (d *Dispatcher) tellFlaws(m *bus.Message) {
	for _, f := range m.Flaws {
		d.metrics.dropped.Inc()
		d.aside.log(d.log, "attribute left out", m, slog.String("attribute", f.Attribute), slog.String("detail", f.Reason))
	}
}

// log writes a line about a message, unless there are too many.
func (a *aside) log(to *slog.Logger, message string, m *bus.Message, more ...slog.Attr) {
	if !a.lines.Allow() {
		a.suppressed.Add(1)
		return
	}
	attrs := append([]slog.Attr{
		slog.String("topic", event.Clean(m.Topic)), slog.Int64("position", m.Position.Seq),
		slog.String("event", m.Event.ID), slog.String("type", m.Event.Type),
	}, more...)
	if n := a.suppressed.Swap(0); n > 0 {
		attrs = append(attrs, slog.Int64("lines_left_out", n))
	}
	to.LogAttrs(context.Background(), slog.LevelWarn, message, attrs...)
}
