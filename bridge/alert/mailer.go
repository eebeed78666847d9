package alert

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/feed"
	"github.com/hookspan/hookspan/bridge/setting"
)

const (
	lookEvery       = time.Second      // at whether we lead, and at what is due
	takeEvery       = time.Second      // a record of the log at most, of
	takeMost        = 1000             // events
	followRetry     = time.Second      // after a bus that told nothing
	partitionsEvery = 30 * time.Second // looked for, those that appeared
	sendRetry       = 30 * time.Second // after a server that took nothing
	refusedRetry    = 15 * time.Minute // of one address, after the server took nothing for it
	sendTime        = 45 * time.Second
	sendGrace       = 3 * time.Second // that a mail on its way gets when the process stops
	claimTime       = 90 * time.Second
	writeTime       = 5 * time.Second // for the record of what was mailed, also when the process stops
)

// A Server is where mails go.
type Server struct {
	URL      setting.MailServer
	Password setting.Secret // of the URL's user, where that has none
	From     setting.Mailbox
}

// A Mail is one message for one address.
type Mail struct {
	ID      string // of the message, without a domain: the same one when it is sent again
	To      string
	At      time.Time
	Subject string // one line
	Text    string
}

// A Sender gives mails to a server.
type Sender interface {
	// Send returns nil once the server has taken the mail. The error wraps ErrRefused where the
	// server is well and does not take this one.
	Send(ctx context.Context, via Server, m Mail) error
}

// ErrRefused: the server does not take a mail for this address, or from this sender.
var ErrRefused = errors.New("the mail server refuses it")

// Options of a Mailer. All are needed but Metrics.
type Options struct {
	Topics       bus.Topics // the operations events alone
	Logs         bus.Logs
	Sender       Sender
	Server       func() Server                            // asked before each mail
	Leads        func() bool                              // this process is the one that mails
	To           func(endpointID, tenant string) []string // who is to hear of an endpoint, or with "" of all else
	Known        func(endpointID string) bool             // the endpoint is there
	Installation string                                   // in each subject
	Log          *slog.Logger
	Metrics      prometheus.Registerer
}

// A Mailer mails what operations events tell while its process leads.
type Mailer struct {
	Options
	session    string
	book       *book
	partitions *feed.Partitions
	metrics    *metrics

	resume   time.Time            // no mail before it
	refused  map[string]time.Time // by address: no mail before it
	troubled bool                 // the server took nothing the last time
	taken    []*letter            // by the server, and not written down yet
}

// New returns a mailer; Begin, then Run.
func New(o Options) *Mailer {
	return &Mailer{
		Options: o, session: rand.Text(), book: newBook(o.Logs), partitions: feed.NewPartitions(o.Topics, o.Log),
		metrics: newMetrics(o.Metrics), refused: map[string]time.Time{},
	}
}

// Begin marks where operations events end, if mails were never wanted before: what was told earlier is
// not mailed, and what is told from now on is, whoever leads then.
func (m *Mailer) Begin(ctx context.Context) error {
	spans, err := m.Topics.Spans(ctx)
	if err != nil {
		return fmt.Errorf("list the partitions of operations events: %w", err)
	}
	away := slices.ContainsFunc(spans, func(s bus.Span) bool { return s.Away })
	begun := false
	err = m.book.change(ctx, func(s *state) bool {
		if begun = s.Places != nil || !away; s.Places != nil || away {
			return false
		}
		s.Places = bus.Positions{}
		for _, span := range spans {
			s.Places[span.Partition] = span.End
		}
		return true
	})
	if err == nil && !begun {
		err = fmt.Errorf("find where operations events end: %w", bus.ErrAway)
	}
	return err
}

// Run mails until ctx ends, and returns once nothing is on its way any more.
func (m *Mailer) Run(ctx context.Context) {
	for pause(ctx, lookEvery) {
		if m.Leads() {
			m.lead(ctx)
			m.metrics.waiting.Set(0)
		}
	}
}

// lead mails until another process is to do it, or ctx ends.
func (m *Mailer) lead(ctx context.Context) {
	var following sync.WaitGroup
	defer following.Wait()
	leading, stop := context.WithCancel(ctx)
	defer stop()
	m.book.doubt() // others may have written meanwhile
	followed := map[bus.Partition]bool{}
	var looked time.Time
	for m.Leads() {
		if now := time.Now(); now.Sub(looked) >= partitionsEvery {
			looked = now
			if err := m.look(leading, followed, &following); err != nil {
				looked = time.Time{}
				m.complain(leading, "operations events are not read, trying again", err)
			}
		}
		if err := m.round(leading); err != nil {
			m.complain(leading, "alerts are not written down, trying again", err)
		}
		if !pause(leading, lookEvery) {
			return
		}
	}
}

func (m *Mailer) complain(ctx context.Context, msg string, err error) {
	if ctx.Err() == nil {
		m.Log.LogAttrs(ctx, slog.LevelWarn, msg, slog.Any("error", err))
	}
}

// look follows the partitions that nobody follows yet.
func (m *Mailer) look(ctx context.Context, followed map[bus.Partition]bool, following *sync.WaitGroup) error {
	spans, err := m.Topics.Spans(ctx)
	if err != nil {
		return fmt.Errorf("list the partitions of operations events: %w", err)
	}
	for _, span := range spans {
		if !span.Away && !followed[span.Partition] {
			followed[span.Partition] = true
			following.Go(func() { m.follow(ctx, span.Partition) })
		}
	}
	return nil
}

// follow takes in the events of a partition until ctx ends.
func (m *Mailer) follow(ctx context.Context, p bus.Partition) {
	var err error
	for ctx.Err() == nil {
		var at bus.Position
		if at, err = m.place(ctx, p, errors.Is(err, bus.ErrCutBack)); err == nil {
			var held []bus.Message
			err = m.Topics.Follow(ctx, p, at, func(batch []bus.Message) error {
				held = append(held, batch...)
				if len(held) == 0 || len(batch) > 0 && len(held) < takeMost {
					return nil // more is there
				}
				if err := m.take(ctx, p, held); err != nil {
					return err
				}
				held = nil
				pause(ctx, takeEvery)
				return ctx.Err()
			})
		}
		m.complain(ctx, "operations events are not read, trying again", err)
		pause(ctx, followRetry)
	}
}

// place is where reading goes on, held against what the partition has now.
func (m *Mailer) place(ctx context.Context, p bus.Partition, cut bool) (bus.Position, error) {
	spans, err := m.partitions.Spans(ctx)
	if err != nil {
		return bus.Position{}, err
	}
	span, there, err := m.partitions.Of(spans, p)
	if err != nil || !there {
		return bus.Position{}, errors.Join(err, fmt.Errorf("%s is not there: %w", p, bus.ErrUnavailable))
	}
	places, err := m.book.places(ctx)
	if err != nil {
		return bus.Position{}, err
	}
	find := m.partitions.Truncation
	if cut {
		find = m.partitions.TruncationOfAll
	}
	t, err := find(ctx, span, []bus.Position{places[p]}, feed.NoHistory)
	if err != nil {
		return bus.Position{}, err
	}
	to, _ := t.Remap(places[p]) // one that is not known is of no incarnation: the first event is next
	if to.Seq < t.Front.Seq {
		to = t.Front
	}
	if to == places[p] {
		return to, nil
	}
	return to, m.book.change(ctx, func(s *state) bool {
		if s.Places[p] != places[p] {
			return false // another process has read on
		}
		s.Places[p] = to
		return true
	})
}

// take takes events in, with their place in one record.
func (m *Mailer) take(ctx context.Context, p bus.Partition, batch []bus.Message) error {
	now := time.Now()
	return m.book.change(ctx, func(s *state) bool {
		changed := false
		for i := range batch {
			if at := batch[i].Position; !s.Places[p].Reaches(at) {
				s.take(&batch[i], now, m.To)
				s.Places[p], changed = at, true
			}
		}
		return changed
	})
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
