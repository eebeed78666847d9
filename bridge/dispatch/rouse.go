package dispatch

import (
	"context"
	"log/slog"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/endpoint"
)

// rouse lets the followers begin, once there is an endpoint. Until then nobody reads the
// topics: what no endpoint was registered for is for nobody. A shard without endpoints leaps
// to what is stored by now; what is newer than an endpoint's registration and not behind that
// place gets a range when the endpoint is taken up.
func (d *Dispatcher) rouse(ctx context.Context, set *endpoint.Set) {
	if len(set.All()) == 0 || isClosed(d.roused) {
		return
	}
	spans, err := d.partitions.Spans(ctx)
	if err != nil { // the followers read from where the shards stand, which is only longer
		d.log.Warn("partitions not listed before the first endpoint", slog.Any("error", err))
	}
	for _, s := range d.shards() {
		s.leap(spans)
	}
	close(d.roused)
}

// leap moves a shard that has no endpoint to the end of what is stored.
func (s *shard) leap(spans []bus.Span) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.lanes) > 0 {
		return
	}
	for _, span := range spans {
		if !s.read[span.Partition].Reaches(span.End) {
			s.leapTo(span.Partition, span.End)
		}
	}
}

// leapTo moves a shard that nothing is owed to. A partition's warden stays while there are
// endpoints anywhere: it has to see what they are not given.
func (s *shard) leapTo(p bus.Partition, to bus.Position) {
	if s.d.warden(p) == s.id {
		if s.watching {
			return
		}
		s.d.aside.leap(p, to)
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
