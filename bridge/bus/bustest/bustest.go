// Package bustest is the contract of bridge/bus as a suite of tests, one for each numbered
// clause of its documentation. Every adapter runs it against the real system.
package bustest

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/event"
)

// Topic is where the suite publishes, unless the store has a method Topic() string that names
// another, on a bus that is not fresh: the store that is opened must follow
// "hookspan.events.>" (or what the bus has in its place).
const Topic = "hookspan.events.shop"

// patience bounds every wait for something that must happen.
const patience = 30 * time.Second

// Run checks the contract. open returns a fresh, empty store that follows Topic and is closed
// when the test ends. The clauses of History, Kept and Refusals are checked where the store
// offers them.
func Run(t *testing.T, open func(t *testing.T) bus.Store) {
	for name, clause := range map[string]func(*testing.T, bus.Store){
		"P1 a published event is there":                      publishedIsThere,
		"P1 many publish at once":                            manyPublish,
		"P1 structured mode carries the same event":          structuredMode,
		"P3 a key counts once":                               keyCountsOnce,
		"P5 too large is refused":                            tooLarge,
		"P5 attributes may be large":                         largeAttributes,
		"L1 J1 R1 too large a record is refused as that":     tooLargeRecord,
		"P6 what is sent in order lies in order":             sentInOrder,
		"T1 spans name first, end and identity":              spansTell,
		"T1 an empty partition ends in front of its first":   emptySpan,
		"T2 follow hands over in order, then what comes":     followsInOrder,
		"T2 follow begins behind the position":               followsBehind,
		"T2 follow ends with the error of deliver":           followEnds,
		"T3 another identity is refused":                     anotherIdentity,
		"T3 a position beyond the end is refused":            beyondEnd,
		"T3 another event at the position is refused":        anotherEventAtPosition,
		"T4 get reads one message again":                     getsAgain,
		"T4 what was purged is gone":                         purgedIsGone,
		"T4 another event at the place is gone":              anotherEventIsGone,
		"T5 before finds the place of a time":                beforeTime,
		"T6 follow says when nothing is left":                followCatchesUp,
		"T7 what is intact lies in front of a lost place":    intactPlace,
		"J1 J2 journal entries come back in order":           journalInOrder,
		"J2 the journal of a shard is its own":               journalOfShard,
		"J3 the span of a journal":                           journalSpan,
		"D1 sync returns":                                    syncReturns,
		"D2 room grows with events":                          roomGrows,
		"D3 purge removes up to a position and nothing else": purges,
		"D4 nobody else needs anything":                      nobodyElse,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			clause(t, open(t))
		})
	}
	t.Run("Logs", func(t *testing.T) {
		Logs(t, func(t *testing.T) bus.Logs { return open(t) })
	})
	t.Run("H1 what intake published is listed", func(t *testing.T) {
		t.Parallel()
		if s, ok := open(t).(historian); ok {
			publishedIsListed(t, s)
		}
	})
	t.Run("H1 events of long ids are listed", func(t *testing.T) {
		t.Parallel()
		if s, ok := open(t).(historian); ok {
			longIDsAreListed(t, s)
		}
	})
	t.Run("H4 a reading goes on where it was", func(t *testing.T) {
		t.Parallel()
		if s, ok := open(t).(historian); ok {
			readingGoesOn(t, s)
		}
	})
	t.Run("K1 what nobody follows is read too", func(t *testing.T) {
		t.Parallel()
		if s, ok := open(t).(keeper); ok {
			keptIsRead(t, s)
		}
	})
	t.Run("K2 one topic is read alone", func(t *testing.T) {
		t.Parallel()
		if s, ok := open(t).(keeper); ok {
			keptOfOneTopic(t, s)
		}
	})
	t.Run("H3 K3 a mark comes back with its event", func(t *testing.T) {
		t.Parallel()
		if s, ok := open(t).(markKeeper); ok {
			marksComeBack(t, s)
		}
	})
	t.Run("R1 R2 refusals come back newest first", func(t *testing.T) {
		t.Parallel()
		if s, ok := open(t).(bus.Refusals); ok {
			refusals(t, s)
		}
	})
}

// topicOf is where the suite publishes on a store.
func topicOf(s bus.Publisher) string {
	if s, ok := s.(interface{ Topic() string }); ok {
		return s.Topic()
	}
	return Topic
}

func within(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

func order(n int) *event.Event {
	return &event.Event{
		ID: fmt.Sprintf("order-%d", n), Source: "/sources/shop", Type: "com.example.order.created",
		Subject: fmt.Sprintf("orders/%d", n), Time: time.Date(2026, 3, 1, 12, 0, n, 0, time.UTC),
		DataContentType: "application/json", Data: fmt.Appendf(nil, `{"order":%d}`, n),
	}
}

// markOf is the mark with which the suite publishes an event.
func markOf(id string) string { return base64.RawURLEncoding.EncodeToString([]byte(id)) }

func publish(t *testing.T, s bus.Store, first, last int) []bus.Receipt {
	t.Helper()
	var receipts []bus.Receipt
	for n := first; n <= last; n++ {
		r, err := s.Publish(within(t), topicOf(s), order(n), bus.PublishOptions{Key: order(n).ID, Mark: markOf(order(n).ID)})
		if err != nil {
			t.Fatalf("publish order %d: %v", n, err)
		}
		receipts = append(receipts, r)
	}
	return receipts
}

// appendEntry asks again while the bus is away: between two leaders a cluster takes nothing.
func appendEntry(t *testing.T, j bus.Journal, shard int, data []byte) (pos int64, err error) {
	t.Helper()
	ctx := within(t)
	for {
		pos, err = j.AppendJournal(ctx, shard, data)
		if !errors.Is(err, bus.ErrUnavailable) {
			return pos, err
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
			return pos, err
		}
	}
}

// spanOf is the partition that order events of the suite are in.
func spanOf(t *testing.T, s bus.Store, p bus.Partition) bus.Span {
	t.Helper()
	spans, err := s.Spans(within(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, sp := range spans {
		if sp.Partition == p || p == "" {
			return sp
		}
	}
	t.Fatalf("no span of %q among %v", p, spans)
	return bus.Span{}
}

// front is the place just before the first event that a partition keeps.
func front(sp bus.Span) bus.Position {
	return bus.Position{Identity: sp.Identity, Seq: sp.First - 1}
}

var errEnough = errors.New("enough")

// collect follows until n messages have come.
func collect(t *testing.T, s bus.Store, p bus.Partition, after bus.Position, n int) []bus.Message {
	t.Helper()
	var got []bus.Message
	err := s.Follow(within(t), p, after, func(batch []bus.Message) error {
		got = append(got, batch...)
		if len(got) >= n {
			return errEnough
		}
		return nil
	})
	if !errors.Is(err, errEnough) {
		t.Fatalf("follow ended with %v after %d of %d messages", err, len(got), n)
	}
	return got
}

func ids(messages []bus.Message) []string {
	var list []string
	for _, m := range messages {
		list = append(list, m.Event.ID)
	}
	return list
}
