package feed

import (
	"context"
	"errors"

	"github.com/hookspan/hookspan/bridge/bus"
)

// Stored hands over the followed events in (from, to] of a partition as they are stored now, batch by
// batch; together the batches reach from the one place to the other. A batch is valid until each returns.
func (ps *Partitions) Stored(ctx context.Context, span bus.Span, from, to int64, each func(*Batch)) error {
	if from >= to {
		return nil
	}
	at := bus.Position{Identity: span.Identity, Seq: from}
	err := ps.topics.Follow(ctx, span.Partition, at, func(messages []bus.Message) error {
		b := Batch{Partition: span.Partition, Before: at, End: at}
		last := len(messages)
		if last > 0 {
			b.End = messages[last-1].Position
		}
		over := last == 0 || b.End.Seq >= to
		if over { // nothing else lies up to there
			b.End = bus.Position{Identity: span.Identity, Seq: to}
		}
		for last > 0 && messages[last-1].Position.Seq > to {
			last--
		}
		b.Messages = ps.followed(span.Partition, messages[:last])
		each(&b)
		if at = b.End; over {
			return errSearched
		}
		return nil
	})
	if errors.Is(err, errSearched) {
		err = nil
	}
	return err
}
