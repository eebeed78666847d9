package jetstream

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/hookspan/hookspan/bridge/bus"
)

// A distrust says what others did to what we rely on, or seem to have done. It is a metric's
// label. Each is bus.ErrUnavailable: what could not be believed is done again.
type distrust string

const (
	foreignAck     distrust = "acknowledgement" // a stream acknowledged that does not hold the topic
	foreignID      distrust = "message_id"      // another message used up the id of ours
	readerChanged  distrust = "reader_changed"  // its consumer is not as it was made
	readerStalled  distrust = "reader_stalled"  // it gets nothing while its stream has more
	readerSkipped  distrust = "reader_skipped"  // it was not given what its stream holds
	readerDeprived distrust = "reader_deprived" // it was given a message without its data
)

var allDistrust = []distrust{foreignAck, foreignID, readerChanged, readerStalled, readerSkipped, readerDeprived}

func (d distrust) Error() string {
	return "somebody else who may use the account has meddled with the bus: " + string(d)
}

func (d distrust) Unwrap() error { return bus.ErrUnavailable }

// newDistrusted counts each kind.
func newDistrusted(r prometheus.Registerer) *prometheus.CounterVec {
	c := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "hookspan_bus_distrusted_total",
		Help: "What the bus said or did that could not be believed, and was done again.",
	}, []string{"reason"})
	for _, d := range allDistrust {
		c.WithLabelValues(string(d))
	}
	var had prometheus.AlreadyRegisteredError
	if r != nil && errors.As(r.Register(c), &had) { // opening goes on until the bus is there
		return had.ExistingCollector.(*prometheus.CounterVec)
	}
	return c
}

// meddled tells of an error that is a distrust.
func (s *Store) meddled(err error, v ...any) {
	var d distrust
	if errors.As(err, &d) {
		s.distrusted.WithLabelValues(string(d)).Inc()
		s.o.Log.Error("the bus was meddled with, or believed to be what it is not", append([]any{"reason", string(d), "error", err}, v...)...)
	}
}

// newInbox is a subject to be answered on, which nobody can guess: the client library's own
// follow one another.
func newInbox(nc *nats.Conn) string {
	begin, _, _ := strings.Cut(nc.NewInbox(), ".")
	return begin + "." + rand.Text()
}

// believe is nil when the stream that acknowledged an event is one that takes its topic.
func (s *Store) believe(ctx context.Context, topic string, a ack) error {
	if a.stream == s.names.events && (a.domain == "" || s.o.Domain == "" || a.domain == s.o.Domain) || s.identityOf(a.stream) != "" {
		return nil
	}
	holders, err := s.events.names(ctx, topic)
	if err != nil {
		return err
	}
	if slices.Contains(holders, a.stream) {
		return nil
	}
	err = fmt.Errorf("%w: stream %q acknowledged it, which does not take it", foreignAck, a.stream)
	s.meddled(err, "topic", topic)
	return err
}

// ours reports whether what a stream took for a repeat of m is m.
func (s *Store) ours(ctx context.Context, m *nats.Msg, a ack) (bool, error) {
	had, err := s.events.get(ctx, a.stream, which{Seq: a.seq})
	if errors.Is(err, bus.ErrGone) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	h, err := nats.DecodeHeadersMsg(had.Header)
	if err != nil || had.Subject != m.Subject || first(h, headerMark) != first(m.Header, headerMark) {
		return false, nil
	}
	id, source := identityIn(h)
	wantID, wantSource := identityIn(m.Header)
	return id == wantID && source == wantSource && !fromClient(h), nil
}

// asked is nil when a consumer is as it was asked for.
func asked(want jetstream.ConsumerConfig, info *jetstream.ConsumerInfo) error {
	have := info.Config
	filters := have.FilterSubjects
	if have.FilterSubject != "" {
		filters = append(filters, have.FilterSubject)
	}
	var wrong string
	switch {
	case have.AckPolicy != want.AckPolicy:
		wrong = "ack_policy"
	case have.DeliverPolicy != want.DeliverPolicy || have.OptStartSeq != want.OptStartSeq:
		wrong = "deliver_policy"
	case have.HeadersOnly != want.HeadersOnly:
		wrong = "headers_only"
	case have.DeliverSubject != "" || have.DeliverGroup != "":
		wrong = "deliver_subject"
	case len(have.PriorityGroups) > 0:
		wrong = "priority_groups"
	case info.Paused || have.PauseUntil != nil:
		wrong = "pause_until"
	case have.ReplayPolicy != want.ReplayPolicy || have.RateLimit != 0 || have.Durable != "":
		wrong = "replay_policy, rate limit or durable name"
	case !slices.Equal(slices.Sorted(slices.Values(filters)), slices.Sorted(slices.Values(want.FilterSubjects))):
		wrong = "filter_subjects"
	default:
		return nil
	}
	return fmt.Errorf("%w: consumer %s has another %s than it was made with", readerChanged, info.Name, wrong)
}
