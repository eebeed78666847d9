package dispatch

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/delivery"
	"github.com/hookspan/hookspan/bridge/statelog"
)

// past is what the journal says about deliveries: of each the newest record.
type past struct {
	done   map[string]delivery.Attempt // by delivery id
	failed map[string]delivery.Attempt
	asked  map[string]time.Time // by endpoint: until when it asked to be left alone
	end    int64
}

// readJournal reads the records after the state's place. A journal that was trimmed past it
// costs repeats, never a loss.
func (s *shard) readJournal(ctx context.Context, was *statelog.State) (*past, error) {
	first, last, err := s.d.store.JournalSpan(ctx, s.id)
	if err != nil {
		return nil, fmt.Errorf("find the journal's end: %w", err)
	}
	if last != bus.NoPosition && was.Journal > last { // it was made anew
		was.Journal = bus.NoPosition
	}
	if first != bus.NoPosition && was.Journal != bus.NoPosition && first > was.Journal+1 {
		s.d.log.Info("journal was trimmed, if past the shard's place some deliveries are repeated",
			slog.Int("shard", s.id), slog.Int64("position", was.Journal), slog.Int64("first", first))
	}
	p := &past{done: map[string]delivery.Attempt{}, failed: map[string]delivery.Attempt{}, asked: map[string]time.Time{}, end: max(last, was.Journal)}
	err = s.d.store.ReadJournal(ctx, s.id, was.Journal+1, func(pos int64, data []byte) error {
		p.end = max(p.end, pos)
		return delivery.DecodeAttempts(data, func(a delivery.Attempt) error {
			p.add(was, a)
			return nil
		})
	})
	if err != nil {
		return nil, fmt.Errorf("read the journal: %w", err)
	}
	return p, nil
}

// add takes a record in. A final record is the end of a delivery, and of its entry too when
// it is of the entry's attempt or a later one; a failed record moves the entry on.
func (p *past) add(was *statelog.State, a delivery.Attempt) {
	if a.Hold.After(p.asked[a.Endpoint]) && a.Received.UnixNano() > was.Held[a.Endpoint].Lifted {
		p.asked[a.Endpoint] = a.Hold
	}
	e, pending := was.Entries[a.Delivery]
	switch {
	case pending && a.Number < e.Number:
	case a.Outcome != "":
		p.done[a.Delivery] = a
		delete(p.failed, a.Delivery)
	case pending:
		p.failed[a.Delivery] = a
		moved := *e // the log's own stays as it is
		moved.Number, moved.Due, moved.Batch = a.Number+1, a.Next, a.Batch
		was.Entries[a.Delivery] = &moved
	default:
		_, done := p.done[a.Delivery]
		if !done && a.Number >= p.failed[a.Delivery].Number {
			p.failed[a.Delivery] = a
		}
	}
}
