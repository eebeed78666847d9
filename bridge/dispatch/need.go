package dispatch

import (
	"context"
	"errors"
	"maps"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/delivery"
	"github.com/hookspan/hookspan/bridge/endpoint"
	"github.com/hookspan/hookspan/bridge/feed"
	"github.com/hookspan/hookspan/bridge/statelog"
)

// A need is what one shard's delta still needs of the topics.
type need struct {
	revision int64
	counted  statelog.State  // the delta's positions and feeds
	low      bus.Positions   // the place in front of the oldest event that is needed; nil: not known
	without  map[string]bool // endpoints whose needs were left out of it
	late     []bus.Positions // where items hold from that the delta does not know
	used     bool            // some endpoint is the shard's
}

// needOf is what a state needs, but for endpoints that are left out.
func needOf(st *statelog.State, out func(endpoint string) bool) need {
	without := map[string]bool{}
	low := st.Needs(func(id string) bool {
		without[id] = without[id] || out(id)
		return without[id]
	})
	return need{
		revision: st.Revision, low: low, without: without,
		counted: statelog.State{Positions: maps.Clone(st.Positions), Feeds: maps.Clone(st.Feeds)},
	}
}

// needs are those of all shards, without the ones that need nothing.
type needs map[int]need

// needed collects them, of shards that other processes own from their logs; false when one is
// not known. With eager, damaged shards need nothing.
func (d *Dispatcher) needed(ctx context.Context, set *endpoint.Set, eager bool) (needs, bool, error) {
	all := needs{}
	for id := range d.count {
		n, err := d.neededBy(ctx, id, set, eager)
		switch {
		case errors.Is(err, statelog.ErrDamaged) && eager:
			continue
		case errors.Is(err, statelog.ErrDamaged):
			return nil, false, nil
		case err != nil:
			return nil, false, err
		case n.low == nil:
			return nil, false, nil
		}
		all[id] = n
	}
	return all, true, nil
}

func (d *Dispatcher) neededBy(ctx context.Context, shard int, set *endpoint.Set, eager bool) (n need, err error) {
	if s := d.shard(shard); s != nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		if eager {
			return s.durable.eager, nil
		}
		return s.durable.need, nil
	}
	err = d.others.At(ctx, shard, func(st *statelog.State) {
		n = needOf(st, func(id string) bool {
			ep := set.ByID(id)
			return eager && (ep == nil || blocked(ep))
		})
	})
	return n, err
}

// from adds what the endpoints of a set need that the deltas do not know. The set was read
// behind them, so it holds every endpoint that any of them serves. It reports false when an
// endpoint takes part again whose needs were left out: they are known at the next delta.
func (ns needs) from(set *endpoint.Set, shards int, eager bool) bool {
	for _, ep := range set.All() {
		shard := delivery.ShardOf(ep.ID, shards)
		n, some := ns[shard]
		if !some {
			continue
		}
		if n.without[ep.ID] && !blocked(ep) {
			return false
		}
		n.used = true
		for _, it := range ep.Items {
			if it.Revision > n.revision && !(eager && blocked(ep)) {
				n.late = append(n.late, it.From)
			}
		}
		ns[shard] = n
	}
	maps.DeleteFunc(ns, func(_ int, n need) bool { return !n.used && len(n.counted.Feeds) == 0 })
	return true
}

// passed is the last sequence of a partition that nobody needs. Places that were counted
// before the partition was cut back say nothing about the events that lie there now: then all
// of them are needed.
func (d *Dispatcher) passed(ctx context.Context, span bus.Span, ns needs) (int64, error) {
	upto := span.End.Seq
	counted := map[bus.Position]bool{} // what was counted together needs one look
	for _, n := range ns {
		upto = min(upto, placeIn(span, n.low))
		newest, marked := feed.Furthest(span, n.counted.Places(span.Partition))
		counted[newest], counted[marked] = true, true
		for _, from := range n.late {
			upto = min(upto, placeIn(span, from))
			if at, named := from[span.Partition]; named && at.Identity == span.Identity {
				counted[at] = true
			}
		}
	}
	for at := range counted {
		if ok, err := d.partitions.Matches(ctx, span, at); !ok {
			return span.First - 1, err
		}
	}
	return upto, nil
}

// placeIn is the sequence up to which positions have counted a partition; one that they do
// not name, or in another incarnation, has not been counted at all.
func placeIn(span bus.Span, positions bus.Positions) int64 {
	if at, ok := positions[span.Partition]; ok && at.Identity == span.Identity {
		return at.Seq
	}
	return span.First - 1
}
