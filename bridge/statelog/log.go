package statelog

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/delivery"
)

// Bytes in a record, roughly.
const (
	entrySize  = 350 // of an entry, without its own texts
	removeSize = 40
	feedSize   = 250
)

// A Store is what a state log needs of the bus.
type Store interface {
	bus.Logs
	bus.Durability
}

// Sizes are those at which a log cuts itself up. A field that is 0 has its default.
type Sizes struct {
	RecordBytes   int // of a delta or chunk, roughly: well under any bus's largest message
	Chunks        int // that a step writes of a snapshot
	SnapshotSlack int // bytes of records, beyond twice the live state, at which a snapshot begins
}

func (s Sizes) orDefault() Sizes {
	return Sizes{
		RecordBytes: cmp.Or(s.RecordBytes, 256<<10), Chunks: cmp.Or(s.Chunks, 8), SnapshotSlack: cmp.Or(s.SnapshotSlack, 1<<20),
	}
}

// A Log is the writing end of one shard's state log. Its state is always what a reader
// of the log would conclude from what has been acknowledged.
type Log struct {
	store Store
	log   *slog.Logger
	sizes Sizes
	shard int
	chain *bus.Chain

	state     State
	snapshots bus.Snapshots
	snapshot  *snapshot // the one being written
}

// A snapshot is spread over time; deltas go on between its parts.
type snapshot struct {
	begin  int64
	ids    []string // entries at begin that no chunk holds yet
	chunks int
	most   int // bytes of a chunk, roughly
}

// New returns the log of a shard, of which nothing has been read: Load comes first.
func New(st Store, shard int, log *slog.Logger, sizes Sizes) *Log {
	return &Log{store: st, log: log, sizes: sizes.orDefault(), shard: shard}
}

// State is what a reader would conclude from what has been acknowledged. Only the log changes
// it.
func (l *Log) State() *State { return &l.state }

// Load reads the whole log. It may be called again, and then begins from nothing.
func (l *Log) Load(ctx context.Context) error {
	l.chain = bus.NewChain(l.store, bus.LogName{Kind: bus.State, Shard: l.shard})
	rd := NewReader()
	if err := l.chain.ReadAll(ctx, rd.reset, rd.Add); err != nil {
		return err
	}
	l.snapshots, l.snapshot = rd.snapshots, nil
	var err error
	l.state, err = rd.State()
	return err
}

// Claim supersedes every earlier owner. With bus.ErrSuperseded somebody else wrote since the
// load: load again.
func (l *Log) Claim(ctx context.Context) error {
	return l.append(ctx, &Record{Kind: Claim})
}

// Write appends one step; what does not fit one record goes ahead in deltas that only put and
// remove, with the journal's place of the delta before, which still covers what they remove.
// The caller has synced what the delta counts. After an error it may be called again with
// the same r, which then holds what is left.
func (l *Log) Write(ctx context.Context, r *Record) error {
	r.Kind = Delta
	for most := l.sizes.RecordBytes; ; {
		put, rem := fitting(r, most)
		next := r
		if put < len(r.Put) || rem < len(r.Remove) {
			next = &Record{
				Kind: Delta, Put: r.Put[:put], Remove: r.Remove[:rem],
				Revision: l.state.Revision, Journal: l.state.Journal, Commands: l.state.Commands,
			}
		}
		switch err := l.append(ctx, next); {
		case divisible(err, put+rem):
			most /= 2
			continue
		case err != nil:
			return err
		}
		l.state.apply(next)
		if next == r {
			return nil
		}
		r.Put, r.Remove = r.Put[put:], r.Remove[rem:]
	}
}

// divisible reports whether the bus refused a record of several entries as too large: it may take less
// than is thought, and a text six times its length.
func divisible(err error, entries int) bool { return entries > 1 && errors.Is(err, bus.ErrTooLarge) }

// fitting is how many puts and removes one record of about so many bytes takes.
func fitting(r *Record, most int) (put, rem int) {
	size := 0
	for put < len(r.Put) && (size == 0 || size < most) {
		size += sizeOf(r.Put[put])
		put++
	}
	for rem < len(r.Remove) && (size == 0 || size < most) {
		size += removeSize
		rem++
	}
	return put, rem
}

func sizeOf(e *delivery.Entry) int {
	return entrySize + len(e.Event.ID) + len(e.Event.Source) + len(e.Event.Type) + len(e.Event.Subject) + len(e.Event.Topic)
}

func (l *Log) append(ctx context.Context, r *Record) error {
	r.Version = Version
	data, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("encode a state record: %w", err)
	}
	prev := l.chain.Last()
	pos, err := l.chain.Append(ctx, data)
	if err != nil {
		return err
	}
	l.snapshots.Count(bus.Record{Pos: pos, Prev: prev, Data: data})
	switch r.Kind {
	case Claim: // the author of what has no end is superseded
		l.snapshots.Abandon()
	case Begin:
		l.snapshots.Begin(pos, len(data))
	case End:
		l.snapshots.End(r.Begin)
	}
	return nil
}

// Step brings a snapshot forward: it begins one when the log has grown, writes a few chunks
// of it, or ends it and trims what two snapshots have made needless.
func (l *Log) Step(ctx context.Context) error {
	if l.snapshot == nil {
		live := entrySize*len(l.state.Entries) + feedSize*len(l.state.Feeds)
		if !l.snapshots.Due(live, l.sizes.SnapshotSlack) {
			return nil
		}
		return l.begin(ctx)
	}
	for range l.sizes.Chunks {
		if len(l.snapshot.ids) == 0 {
			return l.end(ctx)
		}
		if err := l.chunk(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (l *Log) begin(ctx context.Context) error {
	s := &l.state
	r := Record{
		Kind: Begin, Positions: s.Positions, Feeds: s.Feeds, Failing: s.Failing, Held: s.Held, Spent: s.Spent, Breakers: s.Breakers, Jobs: s.Jobs,
		Revision: s.Revision, Journal: s.Journal, Commands: s.Commands, HandOver: s.HandOver,
	}
	if err := l.append(ctx, &r); err != nil {
		return err
	}
	l.snapshot = &snapshot{begin: l.chain.Last(), most: l.sizes.RecordBytes, ids: make([]string, 0, len(s.Entries))}
	for id := range s.Entries {
		l.snapshot.ids = append(l.snapshot.ids, id)
	}
	return nil
}

// chunk writes the entries as the acknowledged deltas have left them by now; those removed
// since begin are left out.
func (l *Log) chunk(ctx context.Context) error {
	for ; ; l.snapshot.most /= 2 {
		r, n := l.nextChunk()
		err := l.append(ctx, r)
		if divisible(err, len(r.Put)) {
			continue
		}
		if err == nil {
			l.snapshot.ids = l.snapshot.ids[n:]
			l.snapshot.chunks++
		}
		return err
	}
}

// nextChunk is of the first n ids.
func (l *Log) nextChunk() (r *Record, n int) {
	r = &Record{Kind: Chunk, Begin: l.snapshot.begin}
	for size := 0; n < len(l.snapshot.ids) && (size == 0 || size < l.snapshot.most); n++ {
		if e, ok := l.state.Entries[l.snapshot.ids[n]]; ok {
			r.Put = append(r.Put, e)
			size += sizeOf(e)
		}
	}
	return r, n
}

// end completes the snapshot. Then what lies before the one before goes.
func (l *Log) end(ctx context.Context) error {
	r := Record{Kind: End, Begin: l.snapshot.begin, Chunks: l.snapshot.chunks}
	if err := l.append(ctx, &r); err != nil {
		return err
	}
	l.snapshot = nil
	front, ok := l.snapshots.Front()
	if !ok {
		return nil
	}
	// A power cut must not take the end away when the front is gone.
	if err := l.store.Sync(ctx); err != nil {
		return fmt.Errorf("sync before a trim: %w", err)
	}
	if err := l.chain.Trim(ctx, front); err != nil {
		l.log.Warn("state log not trimmed, trying again after the next snapshot", slog.Int("shard", l.shard), slog.Any("error", err))
	}
	return nil
}
