package dispatch

import (
	"context"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
)

// Behind says what waits for an endpoint that is not fed live.
type Behind struct {
	Since  time.Time `json:"since,omitzero"`  // when it left the live feed, as far as known
	Oldest time.Time `json:"oldest,omitzero"` // when the next event that its reader will meet was stored, as far as known
	Events int64     `json:"events"`          // about how many events its reader has before it
}

// Behind returns what waits for an endpoint behind the live feed, nil when it is live.
func (d *Dispatcher) Behind(endpointID string) *Behind {
	s := d.shard(ShardOf(endpointID, d.total()))
	if s == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if l := s.lanes[endpointID]; l != nil {
		return l.behind()
	}
	return nil
}

// behindKept is how old the answer of LastBehind may be.
const behindKept = time.Second

// LastBehind is Behind as the last delta of the endpoint's shard tells it, whoever owns it. It
// may be a second old.
func (d *Dispatcher) LastBehind(ctx context.Context, endpointID string) (b *Behind, err error) {
	err = d.others.at(ctx, ShardOf(endpointID, d.total()), behindKept, func(st *state) { b = st.behind(endpointID) })
	return b, err
}

func (l *lane) behind() *Behind {
	var b *Behind
	for p, pl := range l.places {
		if !pl.behind {
			continue
		}
		if b == nil {
			b = &Behind{Since: l.left}
		}
		read := l.shard.read[p]
		for _, c := range pl.ranges {
			if c.b == nil && c.c.Same(read) {
				b.Events += read.Seq - c.c.Seq
				b.oldest(c.c)
			}
		}
	}
	return b
}

// oldest: a mark that is a time tells when the event there was stored.
func (b *Behind) oldest(at bus.Position) {
	if t := time.Unix(0, at.Mark); at.Mark > 0 && t.Year() > 2000 && (b.Oldest.IsZero() || t.Before(b.Oldest)) {
		b.Oldest = t
	}
}

// behind is how far the endpoint's ranges are from what the shard's live feed has passed.
func (s *state) behind(endpointID string) *Behind {
	var b *Behind
	for part, f := range s.feeds[endpointID] {
		if !f.Behind {
			continue
		}
		if b == nil {
			b = &Behind{}
		}
		at := s.positions[bus.Partition(part)]
		for _, r := range f.Ranges {
			if r.B == nil && r.A.Same(at) {
				b.Events += max(at.Seq-r.A.Seq, 0)
				b.oldest(r.A)
			}
		}
	}
	return b
}
