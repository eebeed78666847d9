package admin

import (
	"context"
	"slices"
	"time"

	"github.com/hookspan/hookspan/bridge/dispatch"
)

// Shards tells which slices of the endpoints this process owns, and what the bus says of those
// that another replica owns.
type Shards interface {
	// Owned lists the shards that this process owns now, in order; all is how many there are.
	Owned() (owned []int, all int)
	// LastBehind is Behind as the last delta of the endpoint's shard tells it, nil for one that
	// is fed live. It may be a second old, so that a page of endpoints costs a read a shard.
	LastBehind(ctx context.Context, endpointID string) (*dispatch.Behind, error)
}

// A behind is what waits for an endpoint that is not fed live, or that nobody here can tell.
type behind struct {
	*dispatch.Behind
	Replica string `json:"replica,omitempty"` // "other" when what another replica wrote last is shown
	Unknown string `json:"unknown,omitempty"` // why it cannot be told now
}

const (
	otherReplica = "other"
	unreadable   = "the endpoint's shard is another replica's, and its log cannot be read now"
	// lookTime bounds what one answer waits for the logs of others.
	lookTime = 2 * time.Second
)

// A look is one request's view of who is behind.
type look struct {
	*api
	until  time.Time
	owned  []int
	all    int
	failed []int // shards whose log could not be read; they are not asked again
}

func (a *api) look() *look {
	l := &look{api: a, until: time.Now().Add(lookTime)}
	if a.Shards != nil {
		l.owned, l.all = a.Shards.Owned()
	}
	return l
}

// behind is nil for an endpoint that is fed live.
func (l *look) behind(ctx context.Context, endpointID string) *behind {
	if l.Shards == nil {
		return shown(l.Outbound.Behind(endpointID), "")
	}
	shard := dispatch.ShardOf(endpointID, l.all)
	switch {
	case slices.Contains(l.owned, shard):
		return shown(l.Outbound.Behind(endpointID), "")
	case slices.Contains(l.failed, shard):
		return &behind{Unknown: unreadable}
	}
	ctx, end := context.WithDeadline(ctx, l.until)
	defer end()
	b, err := l.Shards.LastBehind(ctx, endpointID)
	if err != nil {
		l.failed = append(l.failed, shard)
		l.Log.Warn("what waits for an endpoint of another replica is not known", "shard", shard, "error", err)
		return &behind{Unknown: unreadable}
	}
	return shown(b, otherReplica)
}

func shown(b *dispatch.Behind, replica string) *behind {
	if b == nil {
		return nil
	}
	return &behind{Behind: b, Replica: replica}
}
