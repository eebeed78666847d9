package jetstream

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
	// replayTries is how often a broken reading is taken up again.
	replayTries = 4
)

// replay hands over the messages of a subject from a sequence on, in order, up to the one
// that was the last when it was called.
func (l *link) replay(ctx context.Context, stream, subject string, from uint64, each func(seq uint64, data []byte) error) error {
	end, err := l.get(ctx, stream, which{Last: subject})
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
			m, err = l.get(ctx, stream, which{Seq: from, Next: subject})
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
		next, err := l.scan(ctx, reading{stream: stream, filters: []string{subject}, from: from}, end.Seq, func(d delivered) error {
			return each(d.seq, d.msg.Data)
		})
		if err == nil {
			return nil
		}
		if next > from { // it moves
			tries = 1
		}
		if !errors.Is(err, bus.ErrUnavailable) || tries == replayTries {
			return err
		}
		from = next
	}
	return nil
}

// scan reads up to the sequence end, or until nothing is left. It returns where to go on.
func (l *link) scan(ctx context.Context, what reading, end uint64, each func(delivered) error) (next uint64, err error) {
	next = what.from
	r, err := l.read(ctx, what)
	if err != nil {
		return next, err
	}
	defer r.close()
	for {
		batch, err := r.batch(ctx)
		if err != nil {
			return next, fmt.Errorf("read stream %s: %w", what.stream, err)
		}
		if len(batch) == 0 {
			return next, nil
		}
		for _, d := range batch {
			if d.seq > end {
				return next, nil
			}
			if err := each(d); err != nil {
				return next, err
			}
			if next = d.seq + 1; d.seq == end {
				return next, nil
			}
		}
	}
}
