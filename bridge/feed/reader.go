package feed

import (
	"context"
	"errors"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
)

// A Batch is what a reader has read: the messages in (Before, End] of a partition. Before equals
// End when nothing is stored after Before at this moment. A batch is valid until Take returns.
type Batch struct {
	Partition   bus.Partition
	Before, End bus.Position
	Messages    []bus.Message
}

// Empty reports whether nothing was read.
func (b *Batch) Empty() bool { return b.Before == b.End }

// A Consumer takes, of each batch, what lies after its own place. It reports false when it wants
// no more of this reader: it has all that it was owed, or its place lies before the batch.
type Consumer interface {
	Take(b *Batch) (more bool)
}

// Complaints tell of what goes wrong and is tried again.
type Complaints interface {
	Warn(msg string, err error, attrs ...any)
}

// errEnough ends a reader: nobody wants more of it.
var errEnough = errors.New("no consumer is left")

// A reader reads one partition from a place on.
type reader struct {
	topics    bus.Topics
	partition bus.Partition
	at        bus.Position                // read up to
	admit     func(context.Context) error // waits while nothing may be read
	batch     Batch
}

// run hands batches to take until that returns an error, errEnough to end in peace, or ctx ends.
// It goes on waiting where everything has been read.
func (r *reader) run(ctx context.Context, take func(*Batch) error) error {
	err := r.topics.Follow(ctx, r.partition, r.at, func(messages []bus.Message) error {
		if err := r.admit(ctx); err != nil {
			return err
		}
		r.batch = Batch{Partition: r.partition, Before: r.at, End: r.at, Messages: messages}
		if n := len(messages); n > 0 {
			r.batch.End = messages[n-1].Position
		}
		err := take(&r.batch)
		r.at = r.batch.End
		return err
	})
	if errors.Is(err, errEnough) {
		return nil
	}
	return err
}

// pause waits; it reports false when ctx ended meanwhile.
func pause(ctx context.Context, t time.Duration) bool {
	timer := time.NewTimer(t)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// signal fills a channel of one slot.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
