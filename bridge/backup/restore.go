package backup

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/endpoint"
	"github.com/hookspan/hookspan/bridge/event"
	"github.com/hookspan/hookspan/bridge/topic"
)

// A Target is the installation to restore a backup onto. All fields are needed.
type Target struct {
	Topics []string // that are followed
	Layout Layout
	Shards int // of a new installation
	Sealer *endpoint.Sealer
	// Typed is the topic of a source's events of one type, where each type has a topic.
	Typed func(source, eventType string) string
	// Mark is what intake has to know again of an event that was stored at a time, by the mark that it
	// had, "" for none.
	Mark func(own string, e *event.Event, stored time.Time) string
	Log  *slog.Logger
}

var (
	// ErrNotEmpty: the bus holds records or events already.
	ErrNotEmpty = errors.New("the bus is not empty")
	// ErrUnfinished: a restore broke off, and what it had written is there.
	ErrUnfinished = errors.New("the restore is not finished: empty the bus, then restore again")
)

// A Restoration is a backup that was read to its end and fits an installation.
type Restoration struct {
	Target
	Head  Head
	Holds Summary

	file      io.ReadSeeker
	translate translation
	endpoints map[string]*importing // by id

	store    Store
	registry *endpoint.Registry
	plan     *plan
	window   []*stored
	bytes    int64  // in the window
	sent     int    // events so far
	name     string // in keys, so that no two restorations have the same
}

// Examine reads a backup to its end and finds out whether the installation can take it. No bus is
// needed for that, and nothing is written. Errors: those of Check, endpoint.ErrSealed where no key
// opens the secrets of an endpoint, and what says which setting must be another.
func Examine(file io.ReadSeeker, t Target) (*Restoration, error) {
	x := &Restoration{Target: t, file: file, endpoints: map[string]*importing{}}
	var accounts []*account
	followed := map[match]bool{}
	var err error
	x.Head, x.Holds, err = read(file, func(l *line) error {
		switch {
		case l.Endpoint != nil:
			accounts = append(accounts, l.Endpoint)
		case len(l.Event.Owed) > 0:
			followed[match{l.Event.Topic, l.Event.Type}] = true
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	x.translate = translation{from: x.Head.Layout, to: t.Layout, typed: t.Typed}
	if err := x.translate.refuse(); err != nil {
		return nil, err
	}
	var faults []error
	for _, a := range accounts {
		faults = append(faults, x.take(a))
	}
	return x, errors.Join(append(faults, x.follows(followed))...)
}

// follows refuses to restore events that are owed onto topics that nobody would read.
func (x *Restoration) follows(owed map[match]bool) error {
	var patterns []topic.Pattern
	for _, p := range x.Topics {
		pattern, err := topic.Compile(p)
		if err != nil {
			return err
		}
		patterns = append(patterns, pattern)
	}
	for m := range owed {
		name := x.translate.topic(m.topic, m.typ)
		if !slices.ContainsFunc(patterns, func(p topic.Pattern) bool { return p.Match(name) }) {
			return fmt.Errorf("endpoints are owed events of the topic %s, which is not followed: add it to HOOKSPAN_TOPICS", name)
		}
	}
	return nil
}

// Restore writes the backup onto a bus that holds nothing but empty streams or topics and that
// no process of the installation uses yet. Until the bus is found to be empty and large enough,
// nothing is written; errors up to there: ErrNotEmpty, bus.ErrTooLarge, bus.ErrStoreFull. After
// that every error is ErrUnfinished. Wherever it is cut off, by an error or by the end of the
// process, the bus is one that Registry.Finished refuses.
func (x *Restoration) Restore(ctx context.Context, st Store) error {
	x.store, x.registry = st, endpoint.NewRegistry(st, x.Sealer, endpoint.Options{Log: x.Log})
	if err := x.empty(ctx); err != nil {
		if errors.Is(err, ErrNotEmpty) && errors.Is(x.registry.Finished(ctx), endpoint.ErrUnfinished) {
			err = fmt.Errorf("%w, of a restore that was cut off", err)
		}
		return err
	}
	if err := x.fits(ctx); err != nil {
		return err
	}
	if _, err := x.file.Seek(0, io.SeekStart); err != nil {
		return fmt.Errorf("read the backup again: %w", err)
	}
	if err := x.write(ctx); err != nil {
		return fmt.Errorf("%w: %w", ErrUnfinished, err)
	}
	return nil
}

// take reads the record of an endpoint.
func (x *Restoration) take(a *account) error {
	ep, err := endpoint.ReadRecord(a.Record, x.Sealer)
	if err != nil {
		return err
	}
	period := endpoint.Period{Events: ep.Events, Topics: ep.Topics, Filters: ep.Filters, Active: ep.Active}
	if n := len(ep.Periods); n > 0 {
		period = ep.Periods[n-1]
	}
	if period.Topics, err = x.translate.patterns(period.Topics); err != nil {
		return fmt.Errorf("endpoint %s %w", ep.Name, err)
	}
	x.endpoints[ep.ID] = newImporting(ep, a, period)
	return nil
}

// fits holds the events' sizes against what the bus takes.
func (x *Restoration) fits(ctx context.Context) error {
	if most := x.store.MaxBytes(); x.Holds.Largest > most {
		return fmt.Errorf("%w: the largest event of the backup has %d bytes, the bus takes %d", bus.ErrTooLarge, x.Holds.Largest, most)
	}
	room, err := x.store.Room(ctx)
	if err != nil {
		return fmt.Errorf("ask for the room on the bus: %w", err)
	}
	if free := room.Limit - room.Used - room.Reserved; room.Limit > 0 && x.Holds.Bytes > free {
		return fmt.Errorf("%w: the events of the backup have %d bytes, there is room for %d: give the store more, or make the backup with a later --since", bus.ErrStoreFull, x.Holds.Bytes, free)
	}
	return nil
}

// empty refuses a bus that holds anything: what is restored would be mixed with it.
func (x *Restoration) empty(ctx context.Context) error {
	logs := []bus.LogName{{Kind: bus.Registry}, {Kind: bus.Commands}}
	for id := range x.Shards {
		logs = append(logs, bus.LogName{Kind: bus.State, Shard: id})
	}
	for _, name := range logs {
		chain := bus.NewChain(x.store, name)
		if err := chain.SkipAll(ctx); err != nil {
			return err
		}
		if chain.Last() != bus.NoPosition {
			return fmt.Errorf("%w: there are records in the %s log", ErrNotEmpty, name)
		}
	}
	for id := range x.Shards {
		_, last, err := x.store.JournalSpan(ctx, id)
		if err != nil {
			return fmt.Errorf("look into the journal: %w", err)
		}
		if last != bus.NoPosition {
			return fmt.Errorf("%w: there are attempts in the journal", ErrNotEmpty)
		}
	}
	spans, err := x.store.Kept().Spans(ctx)
	if err != nil {
		return fmt.Errorf("list the partitions: %w", err)
	}
	for _, span := range spans {
		if span.Away {
			return fmt.Errorf("%s: %w", span.Partition, bus.ErrAway)
		}
		if span.End.Seq >= span.First {
			return fmt.Errorf("%w: there are events in %s", ErrNotEmpty, span.Partition)
		}
	}
	return nil
}
