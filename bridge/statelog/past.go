package statelog

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"log/slog"
	"strconv"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/delivery"
)

// Past is what a shard's journal says about deliveries beyond the state: of each the newest record.
type Past struct {
	Done   map[string]delivery.Attempt // by delivery id
	Failed map[string]delivery.Attempt
	Asked  map[Asker]time.Time  // until when it asked to be left alone
	Well   map[string]time.Time // by endpoint: its last success
	// Unsuccessful is, by endpoint, the last delivery that ended without success.
	Unsuccessful map[string]delivery.Attempt
	End          int64 // of the journal
}

// An Asker is an endpoint at one of its URLs.
type Asker struct {
	Endpoint string
	At       string // HashOf the URL; "" where an earlier version kept the record
}

// HashOf tells URLs apart without showing them.
func HashOf(url string) string {
	f := fnv.New64a()
	f.Write([]byte(url))
	return strconv.FormatUint(f.Sum64(), 36)
}

// NewPast knows nothing.
func NewPast() *Past {
	return &Past{
		Done: map[string]delivery.Attempt{}, Failed: map[string]delivery.Attempt{}, Asked: map[Asker]time.Time{},
		Well: map[string]time.Time{}, Unsuccessful: map[string]delivery.Attempt{}, End: bus.NoPosition,
	}
}

// ReadPast reads the records after the state's place, and brings the state's entries up to date.
// A journal that was trimmed past it costs repeats, never a loss.
func ReadPast(ctx context.Context, journal bus.Journal, shard int, was *State, log *slog.Logger) (*Past, error) {
	first, last, err := journal.JournalSpan(ctx, shard)
	if err != nil {
		return nil, fmt.Errorf("find the journal's end: %w", err)
	}
	if last != bus.NoPosition && was.Journal > last { // it was made anew
		was.Journal = bus.NoPosition
	}
	if first != bus.NoPosition && was.Journal != bus.NoPosition && first > was.Journal+1 {
		log.Info("journal was trimmed, if past the shard's place some deliveries are repeated",
			slog.Int("shard", shard), slog.Int64("position", was.Journal), slog.Int64("first", first))
	}
	p := NewPast()
	p.End = max(last, was.Journal)
	next := was.Journal + 1
	for moved := true; moved; { // what is cut off goes on where it came, as long as it gets on
		from := next
		err = journal.ReadJournal(ctx, shard, from, func(pos int64, data []byte) error {
			err := delivery.DecodeAttempts(data, func(a delivery.Attempt) error {
				p.Add(was, a)
				return nil
			})
			if err == nil {
				p.End, next = max(p.End, pos), pos+1
			}
			return err
		})
		moved = next > from && errors.Is(err, bus.ErrUnavailable)
	}
	if err != nil {
		return nil, fmt.Errorf("read the journal: %w", err)
	}
	return p, nil
}

// AskedAt is until when an endpoint asked at a URL to be left alone. What does not say which URL asked
// counts unless the state knows of another one.
func (p *Past) AskedAt(was *State, endpoint, url string) time.Time {
	asked, held := p.Asked[Asker{endpoint, HashOf(url)}], was.Held[endpoint]
	if older := p.Asked[Asker{Endpoint: endpoint}]; held.IsOf(url) && older.After(asked) {
		return older
	}
	return asked
}

// Add takes a record in. A final record is the end of a delivery, and of its entry too when
// it is of the entry's attempt or a later one; a failed record moves the entry on.
func (p *Past) Add(was *State, a delivery.Attempt) {
	if a.Ended == delivery.EndedFilterError { // tells of an event that was for nobody: a period that came later may take it
		return
	}
	a.Detail, a.Response, a.Binary, a.Request, a.Headers = "", "", "", "", "" // they explain an attempt, and are most of its record
	if who := (Asker{a.Endpoint, a.HoldAt}); a.Hold.After(p.Asked[who]) && a.Received.UnixNano() > was.Held[a.Endpoint].Lifted {
		p.Asked[who] = a.Hold
	}
	switch {
	case a.Outcome == delivery.Delivered && a.Received.After(p.Well[a.Endpoint]):
		p.Well[a.Endpoint] = a.Received
	case a.Ended != "" && a.Received.After(p.Unsuccessful[a.Endpoint].Received):
		p.Unsuccessful[a.Endpoint] = a
	}
	e, pending := was.Entries[a.Delivery]
	switch {
	case pending && a.Number < e.Number:
	case a.Outcome != "":
		p.Done[a.Delivery] = a
		delete(p.Failed, a.Delivery)
	case pending:
		p.Failed[a.Delivery] = a
		moved := *e // the log's own stays as it is
		moved.Number, moved.Due, moved.Batch, moved.Asked = a.Number+1, a.Next, a.Batch, false
		if a.Life != nil { // an earlier version did not keep it
			moved.Life = a.Life
		}
		was.Entries[a.Delivery] = &moved
	default:
		_, done := p.Done[a.Delivery]
		if !done && a.Number >= p.Failed[a.Delivery].Number {
			p.Failed[a.Delivery] = a
		}
	}
}
