package dispatch

import (
	"context"
	"log/slog"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/endpoint"
)

// startFollowing lets the followers begin, once there is an endpoint. Until then nobody reads the
// topics: what no endpoint was registered for is for nobody. A shard without endpoints skips
// to the end of what is stored by now; what is newer than an endpoint's registration and lies
// before that end gets a range when the shard learns of the endpoint.
func (a *applier) startFollowing(ctx context.Context, set *endpoint.Set) {
	d := a.d
	if len(set.All()) == 0 || isClosed(d.following) {
		return
	}
	spans, err := d.partitions.Spans(ctx)
	if err != nil { // the followers read from where the shards stand, which is only longer
		d.log.Warn("partitions not listed before the first endpoint", slog.Any("error", err))
	}
	for _, s := range d.owned.all() {
		s.skipToEnd(spans)
	}
	close(d.following)
}

// skipToEnd moves a shard that has no endpoint to the end of what is stored.
func (s *shard) skipToEnd(spans []bus.Span) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.lanes) > 0 {
		return
	}
	for _, span := range spans {
		if !s.read[span.Partition].Reaches(span.End) {
			s.skipTo(span.Partition, span.End)
		}
	}
}

// skipTo moves a shard that nothing is owed to. A partition's warden stays while there are
// endpoints anywhere: it has to see what they are not given.
func (s *shard) skipTo(p bus.Partition, to bus.Position) {
	if s.d.owned.warden(p) == s.id {
		if s.watching {
			return
		}
		s.d.quarantine.Skipped(p, to)
	}
	s.read[p] = to
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}
