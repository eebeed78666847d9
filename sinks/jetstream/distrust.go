package jetstream

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/nats-io/nats.go"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/sinks/jetstream/link"
)

// newDistrusted counts each kind.
func newDistrusted(r prometheus.Registerer) *prometheus.CounterVec {
	c := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "hookspan_bus_distrusted_total",
		Help: "What the bus said or did that could not be believed, and was done again.",
	}, []string{"reason"})
	for _, d := range link.AllDistrust {
		c.WithLabelValues(string(d))
	}
	var had prometheus.AlreadyRegisteredError
	if r != nil && errors.As(r.Register(c), &had) { // opening goes on until the bus is there
		return had.ExistingCollector.(*prometheus.CounterVec)
	}
	return c
}

// believe is nil when the stream that acknowledged an event is one that takes its topic.
func (s *publisher) believe(ctx context.Context, topic string, a link.Ack) error {
	if a.Stream == s.names.events && (a.Domain == "" || s.o.Domain == "" || a.Domain == s.o.Domain) || s.identities.of(a.Stream) != "" {
		return nil
	}
	holders, err := s.events.Names(ctx, topic)
	if err != nil {
		return err
	}
	if slices.Contains(holders, a.Stream) {
		return nil
	}
	err = fmt.Errorf("%w: stream %q acknowledged it, which does not take it", link.ForeignAck, a.Stream)
	s.meddled(err, "topic", topic)
	return err
}

// ours reports whether what a stream took for a repeat of m is m.
func (s *publisher) ours(ctx context.Context, m *link.Message, a link.Ack) (bool, error) {
	had, err := s.events.Get(ctx, a.Stream, link.Which{Seq: a.Seq})
	if errors.Is(err, bus.ErrGone) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	h, err := nats.DecodeHeadersMsg(had.Header)
	want := m.Map()
	if err != nil || had.Subject != m.Subject || link.First(h, headerMark) != link.First(want, headerMark) {
		return false, nil
	}
	id, source := identityIn(h)
	wantID, wantSource := identityIn(want)
	return id == wantID && source == wantSource && !fromClient(h), nil
}
