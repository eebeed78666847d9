package backup

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/delivery"
	"github.com/hookspan/hookspan/bridge/endpoint"
	"github.com/hookspan/hookspan/bridge/statelog"
)

// A Store is a bus of which a backup is made, or onto which one is restored.
type Store interface {
	bus.Store
	bus.Kept
}

// A Source is an installation to make a backup of. Nothing is written to its bus, and its
// processes may run. All fields but Since are needed.
type Source struct {
	Store  Store
	Topics []string // that are followed
	Layout Layout
	Bus    string // its kind
	By     string // the version of Hookspan
	Since  Since
	Log    *slog.Logger
}

// Since says which events go into a backup beside those that are owed: all (the zero value),
// none, or those that were stored at a time or later.
type Since struct {
	none bool
	at   time.Time
}

// ParseSince reads all, none or an RFC 3339 time; "" is all.
func ParseSince(text string) (Since, error) {
	switch text {
	case "", "all":
		return Since{}, nil
	case "none":
		return Since{none: true}, nil
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return Since{}, errors.New("want all, none or an RFC 3339 time such as 2026-05-04T00:00:00Z")
	}
	return Since{at: at}, nil
}

func (s Since) String() string {
	switch {
	case s.none:
		return "none"
	case s.at.IsZero():
		return "all"
	}
	return s.at.Format(time.RFC3339)
}

func (s Since) takes(stored time.Time) bool { return !s.none && !stored.Before(s.at) }

// Write makes a backup. Whoever writes to w must be able to tell that an error came before the
// end: Check of what was written does.
func Write(ctx context.Context, s Source, w io.Writer) error {
	registry := endpoint.NewRegistry(s.Store, nil, endpoint.Options{Log: s.Log})
	l, spans, err := readLedger(ctx, &s, registry)
	if err != nil {
		return err
	}
	out := newWriter(w)
	head := Head{Version: Version, Made: time.Now().UTC().Truncate(time.Second), By: s.By, Bus: s.Bus, Since: s.Since.String(), Layout: s.Layout}
	if err := out.line(&line{Head: &head}); err != nil {
		return err
	}
	if err := l.writeEndpoints(ctx, registry, out); err != nil {
		return err
	}
	slices.SortFunc(spans, func(a, b bus.Span) int { return strings.Compare(string(a.Partition), string(b.Partition)) })
	for _, span := range spans {
		if err := l.writeEvents(ctx, &s, span, out); err != nil {
			return fmt.Errorf("read the events of %s: %w", span.Partition, err)
		}
	}
	out.held.Expired = l.gone()
	return out.end()
}

func (l *ledger) writeEndpoints(ctx context.Context, r *endpoint.Registry, out *writer) error {
	records, err := r.Records(ctx)
	if err != nil {
		return err
	}
	now := time.Now()
	for _, raw := range records {
		ep, err := endpoint.ReadRecord(raw, nil)
		if err != nil {
			return err
		}
		sh := l.shardOf(ep.ID)
		a := &account{Record: raw, Failing: sh.Failing[ep.ID], Spent: sh.Spent[ep.ID]}
		if held := sh.Held[ep.ID]; held.Until > now.UnixNano() {
			a.Held = held
		}
		if asked := sh.past.AskedAt(&sh.State, ep.ID, ep.URL); asked.After(now) && asked.UnixNano() > a.Held.Until {
			a.Held = statelog.Hold{Until: asked.UnixNano(), By: delivery.HeldByRetryAfter, At: statelog.HashOf(ep.URL)}
		}
		if err := out.line(&line{Endpoint: a}); err != nil {
			return err
		}
	}
	return nil
}

// errRead ends the reading of a partition.
var errRead = errors.New("the partition was read")

// writeEvents writes the events of a partition, up to where it ended when the ledger was read.
func (l *ledger) writeEvents(ctx context.Context, s *Source, span bus.Span, out *writer) error {
	if span.End.Seq < span.First {
		return nil
	}
	topics, from := s.Store.Kept(), l.lowest(span)
	switch {
	case s.Since.none:
	case s.Since.at.IsZero():
		from.Seq = span.First - 1
	default:
		at, err := topics.Before(ctx, span.Partition, s.Since.at)
		if err != nil {
			return err
		}
		from.Seq = min(from.Seq, at.Seq)
	}
	if from.Seq >= span.End.Seq {
		return nil
	}
	err := topics.Follow(ctx, span.Partition, from, func(batch []bus.Message) error {
		for i := range batch {
			if m := &batch[i]; m.Position.Seq <= span.End.Seq {
				if err := l.writeEvent(s, m, out); err != nil {
					return err
				}
			}
		}
		if n := len(batch); n == 0 || batch[n-1].Position.Seq >= span.End.Seq {
			return errRead
		}
		return nil
	})
	if errors.Is(err, errRead) {
		return nil
	}
	return cmp.Or(err, context.Cause(ctx))
}

func (l *ledger) writeEvent(s *Source, m *bus.Message, out *writer) error {
	if m.Fault != "" {
		out.held.Invalid++
		return nil
	}
	to := l.owed(m)
	if len(to) == 0 && !s.Since.takes(m.Stored) {
		return nil
	}
	return out.line(&line{Event: storedOf(m, to)})
}
