package feed

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
)

const (
	partitionsEvery = 2 * time.Second // looked for, those that appeared
	readRetry       = time.Second
)

// A Shard consumes what is live.
type Shard interface {
	Consumer
	// Place is how far the shard's live feed has read a partition; false when that is not known.
	Place(p bus.Partition) (at bus.Position, known bool)
	// Reached reports whether nobody has to bring the shard what lies before a place.
	Reached(p bus.Partition, to bus.Position) bool
	// Places are all places of a partition that the shard keeps in memory.
	Places(p bus.Partition) []bus.Position
	// History lists the positions that the shard's state log names, oldest first.
	History(ctx context.Context) ([]bus.Positions, error)
	// Truncate moves the shard's places, and returns how many events have expired before the
	// place of its live feed.
	Truncate(span bus.Span, t *Truncation) (expired int64)
}

// LiveOptions are what a Live needs. All are needed.
type LiveOptions struct {
	Partitions *Partitions
	Shards     func() []Shard              // that are fed now; the list is not changed afterwards
	Fed        func() <-chan struct{}      // closed while there is a shard
	Begin      <-chan struct{}             // closed when reading may begin
	Admit      func(context.Context) error // waits while nothing may be read
	// Inspect is called with every batch before the shards pass it.
	Inspect    func(context.Context, []Shard, *Batch) error
	Expired    func(p bus.Partition, events int64)
	CutBack    func() // a partition was found cut back
	Reach      int64  // sequences within which shards that lag share a reader
	Complaints Complaints
}

// A Live reads every partition once for all shards of the process.
type Live struct {
	LiveOptions

	mu        sync.Mutex
	followers map[bus.Partition]*follower
}

// NewLive reads nothing before Run.
func NewLive(o LiveOptions) *Live {
	l := &Live{LiveOptions: o, followers: map[bus.Partition]*follower{}}
	o.Partitions.seen = l.seenByFollower
	return l
}

// Run keeps one follower per partition, also of those that appear later, until ctx ends.
func (l *Live) Run(ctx context.Context) {
	var followers sync.WaitGroup
	defer followers.Wait()
	for {
		spans, err := l.Partitions.Spans(ctx)
		if err != nil && ctx.Err() == nil {
			l.Complaints.Warn("partitions not listed, trying again", err)
		}
		for _, span := range spans {
			if f := l.newFollower(span.Partition); f != nil {
				followers.Go(func() { f.run(ctx) })
			}
		}
		if !pause(ctx, partitionsEvery) {
			return
		}
	}
}

// newFollower is nil where the partition has one.
func (l *Live) newFollower(p bus.Partition) *follower {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.followers[p] != nil {
		return nil
	}
	f := &follower{live: l, partition: p, lagging: make(chan struct{}, 1), served: map[Shard]bool{}}
	l.followers[p] = f
	return f
}

// ShardTaken says that there is a shard which may stand before the followers.
func (l *Live) ShardTaken() {
	for _, f := range l.all() {
		signal(f.lagging)
	}
}

func (l *Live) all() []*follower {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := make([]*follower, 0, len(l.followers))
	for _, f := range l.followers {
		all = append(all, f)
	}
	return all
}

// Lag is how many events are stored that the followers have not read.
func (l *Live) Lag() (n int64) {
	for _, f := range l.all() {
		n += f.lag(l.Partitions.end(f.partition))
	}
	return n
}

// seenByFollower: the follower has read the event at a place itself, since it began the last
// time. That is known where it read nothing but events of the same mark, as on Kafka between two
// leaders; should the partition be cut back this moment, the follower hears of it and all places
// are held against it again. It spares a takeover a question for every partition.
func (l *Live) seenByFollower(span bus.Span, at bus.Position) bool {
	l.mu.Lock()
	f := l.followers[span.Partition]
	l.mu.Unlock()
	if f == nil || at.Seq > span.End.Seq {
		return false
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.first.Same(at) && f.first.Seq <= at.Seq && f.read.Reaches(at) && f.first.Mark == at.Mark && f.read.Mark == at.Mark
}

// Recheck holds the places in memory against a partition before it is read (again).
func (l *Live) Recheck(ctx context.Context, p bus.Partition) error {
	return l.recheck(ctx, p, l.Partitions.Truncation)
}

// RecheckAll does it for a partition that a reader has found cut back, place by place.
func (l *Live) RecheckAll(ctx context.Context, p bus.Partition) error {
	return l.recheck(ctx, p, l.Partitions.TruncationOfAll)
}

// RecheckRenewed rechecks the partitions of which some shard stands in another incarnation than was
// just asked for. The shards take nothing more of that one, which a reader may still have.
func (l *Live) RecheckRenewed(ctx context.Context, spans []bus.Span) error {
	for _, span := range spans {
		stale := func(s Shard) bool {
			at, known := s.Place(span.Partition)
			return known && at.Identity != span.Identity
		}
		if !slices.ContainsFunc(l.Shards(), stale) {
			continue
		}
		if err := l.Recheck(ctx, span.Partition); err != nil {
			return err
		}
	}
	return nil
}

type truncating func(context.Context, bus.Span, []bus.Position, History) (Truncation, error)

// recheckAfter rechecks before a reader begins that ended with an error the last time.
func (l *Live) recheckAfter(ctx context.Context, p bus.Partition, err error) error {
	if errors.Is(err, bus.ErrCutBack) {
		return l.RecheckAll(ctx, p)
	}
	return l.Recheck(ctx, p)
}

func (l *Live) recheck(ctx context.Context, p bus.Partition, find truncating) error {
	// The places first: other readers go on meanwhile, and what they will have read by then is
	// not beyond an end that was asked for afterwards.
	shards := l.Shards()
	held := make([][]bus.Position, len(shards))
	for i, s := range shards {
		held[i] = s.Places(p)
	}
	spans, err := l.Partitions.Spans(ctx)
	if err != nil {
		return err
	}
	span, there, err := l.Partitions.Of(spans, p)
	if err != nil || !there {
		return err
	}
	for i, s := range shards {
		t, err := find(ctx, span, held[i], s.History)
		if err != nil {
			return err
		}
		if t.Cut != nil {
			l.CutBack()
		}
		if expired := s.Truncate(span, &t); expired > 0 {
			l.Expired(p, expired)
		}
	}
	return nil
}

// lowest is the place of the shard that has read least of a partition.
func (l *Live) lowest(p bus.Partition, shards []Shard) bus.Position {
	var low bus.Position
	found := false
	for _, s := range shards {
		at, ok := s.Place(p)
		if ok && (!found || at.Seq < low.Seq) {
			low, found = at, true
		}
	}
	if !found { // the last shard went this moment: nobody misses anything
		low = l.Partitions.Beginning(p)
	}
	return low
}

// inspect leaves out of a batch what is not followed, and has the rest looked at.
func (l *Live) inspect(ctx context.Context, shards []Shard, b *Batch) error {
	b.Messages = l.Partitions.followed(b.Partition, b.Messages)
	return l.Inspect(ctx, shards, b)
}
