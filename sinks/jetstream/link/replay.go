package link

import (
	"context"
	"errors"
	"fmt"

	"github.com/hookspan/hookspan/bridge/bus"
)

const (
	// fewGets is up to how many messages are read one by one: most reads of a log are of its
	// last two records, and a consumer costs more than that.
	fewGets = 4
	// ReplayTries is how often a broken reading is taken up again.
	ReplayTries = 4
)

// Replay hands over the messages of a subject from a sequence on, in order, up to the one
// that was the last when it was called.
func (l *Link) Replay(ctx context.Context, stream, subject string, from uint64, each func(seq uint64, data []byte) error) error {
	end, err := l.Get(ctx, stream, Which{Last: subject})
	if errors.Is(err, bus.ErrGone) {
		return nil
	}
	if err != nil {
		return err
	}
	from = max(from, 1)
	for range fewGets {
		if from > end.Seq {
			return nil
		}
		m := end
		if from < end.Seq {
			m, err = l.Get(ctx, stream, Which{Seq: from, Next: subject})
		}
		if errors.Is(err, bus.ErrGone) { // trimmed meanwhile
			return nil
		}
		if err != nil {
			return err
		}
		if err := each(m.Seq, m.Data); err != nil {
			return err
		}
		from = m.Seq + 1
	}
	for tries := 1; from <= end.Seq; tries++ {
		next, err := l.Scan(ctx, Reading{Stream: stream, Filters: []string{subject}, From: from}, end.Seq, func(d Delivered) error {
			return each(d.Seq, d.Msg.Data)
		})
		if err == nil {
			return nil
		}
		if next > from { // it moves
			tries = 1
		}
		if !errors.Is(err, bus.ErrUnavailable) || tries == ReplayTries {
			return err
		}
		from = next
	}
	return nil
}

// Scan reads up to the sequence end, or until nothing is left. It returns where to go on.
func (l *Link) Scan(ctx context.Context, what Reading, end uint64, each func(Delivered) error) (next uint64, err error) {
	next = what.From
	r, err := l.Read(ctx, what)
	if err != nil {
		return next, err
	}
	defer r.Close()
	for {
		batch, err := r.Batch(ctx)
		if err != nil {
			return next, fmt.Errorf("read stream %s: %w", what.Stream, err)
		}
		if len(batch) == 0 {
			return next, nil
		}
		for _, d := range batch {
			if d.Seq > end {
				return next, nil
			}
			if err := each(d); err != nil {
				return next, err
			}
			if next = d.Seq + 1; d.Seq == end {
				return next, nil
			}
		}
	}
}
