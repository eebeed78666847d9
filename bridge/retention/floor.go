package retention

import (
	"maps"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/endpoint"
	"github.com/hookspan/hookspan/bridge/feed"
	"github.com/hookspan/hookspan/bridge/statelog"
)

// A Floor is what one shard's delta still needs of the topics. Nothing is known of the zero value.
type Floor struct {
	revision int64
	counted  statelog.State  // the delta's positions and feeds
	low      bus.Positions   // the place before the oldest event that is needed; nil: not known
	without  map[string]bool // endpoints whose needs were left out of it
	late     []bus.Positions // where periods begin that the delta does not know
	used     bool            // some endpoint is the shard's
}

// FloorOf is what a state needs, but for endpoints that are left out. It keeps nothing of the
// state that changes.
func FloorOf(st *statelog.State, out func(endpoint string) bool) Floor {
	without := map[string]bool{}
	low := st.Needs(func(id string) bool {
		without[id] = without[id] || out(id)
		return without[id]
	})
	return Floor{
		revision: st.Revision, low: low, without: without,
		counted: statelog.State{Positions: maps.Clone(st.Positions), Feeds: maps.Clone(st.Feeds)},
	}
}

// floors are those of all shards, without the ones that need nothing.
type floors map[int]Floor

// add takes in what the endpoints of a set need that the deltas do not know. The set was read
// after them, so it holds every endpoint that any of them serves. It reports false when an
// endpoint takes part again whose needs were left out: they are known at the next delta.
func (fs floors) add(set *endpoint.Set, shardOf func(endpoint string) int, eager bool) bool {
	for _, ep := range set.All() {
		shard := shardOf(ep.ID)
		f, some := fs[shard]
		if !some {
			continue
		}
		if f.without[ep.ID] && !idle(ep) {
			return false
		}
		f.used = true
		for _, it := range ep.Periods {
			if it.Revision > f.revision && !(eager && idle(ep)) {
				f.late = append(f.late, it.From)
			}
		}
		fs[shard] = f
	}
	maps.DeleteFunc(fs, func(_ int, f Floor) bool { return !f.used && len(f.counted.Feeds) == 0 })
	return true
}

// idle: the endpoint takes no part now.
func idle(ep *endpoint.Endpoint) bool { return ep.State != endpoint.Enabled }

// lowest is the last sequence of a partition that no floor needs. counted are the places on which
// that rests.
func (fs floors) lowest(span bus.Span) (upto int64, counted map[bus.Position]bool) {
	upto, counted = span.End.Seq, map[bus.Position]bool{} // what was counted together needs one look
	for _, f := range fs {
		upto = min(upto, countedIn(span, f.low))
		newest, marked := feed.Furthest(span, f.counted.Places(span.Partition))
		counted[newest], counted[marked] = true, true
		for _, from := range f.late {
			upto = min(upto, countedIn(span, from))
			if at, named := from[span.Partition]; named && at.Identity == span.Identity {
				counted[at] = true
			}
		}
	}
	return upto, counted
}

// countedIn is the sequence up to which positions have counted a partition; one that they do
// not name, or in another incarnation, has not been counted at all.
func countedIn(span bus.Span, positions bus.Positions) int64 {
	if at, ok := positions[span.Partition]; ok && at.Identity == span.Identity {
		return at.Seq
	}
	return span.First - 1
}
