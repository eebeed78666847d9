package jetstream

import (
	"context"
	"fmt"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
)

// cutBackMargin is by how much the clocks of a stream's leaders may differ.
const cutBackMargin = time.Minute

// Intact implements bus.Topics (T7). What was stored that long before the event of a place
// was there when the event was; what came behind a cut is newer than it.
func (s *topics) Intact(ctx context.Context, p bus.Partition, at bus.Position) (bus.Position, error) {
	to, err := s.Before(ctx, p, time.Unix(0, at.Mark).Add(-cutBackMargin))
	if err != nil {
		return to, fmt.Errorf("find what %s holds for certain in front of %d: %w", p, at.Seq, err)
	}
	return to, nil
}
