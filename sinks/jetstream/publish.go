package jetstream

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/event"
	"github.com/hookspan/hookspan/sinks/jetstream/link"
	"github.com/hookspan/hookspan/sinks/jetstream/subject"
)

// Headers of JetStream and of the CloudEvents binding for NATS.
const (
	headerMessageID   = "Nats-Msg-Id"
	headerContentType = "content-type"
	headerID          = "ce-id"
	headerSource      = "ce-source"
	headerMark        = "Hookspan-Mark"
)

// overhead is more than what a message has in headers beside the event's own values.
const overhead = 4 << 10

// headersMost is what the headers of an event may take: a server refuses more than 64 KiB of them,
// and some are not the event's own.
const headersMost = 60 << 10

// largestRecord is what a server that keeps a stream in files takes as one message, whatever its
// payload may be.
const largestRecord = 32 << 20

// Pauses between attempts to send a message that was not stored, and how long to try while no
// leader is there to take it: a planned move of the leader takes no longer.
const (
	resendFirst = 5 * time.Millisecond
	resendMost  = 100 * time.Millisecond
	leaderMoves = 500 * time.Millisecond
)

// A publisher writes events to topics.
type publisher struct {
	*installation
	space *space // of the event stream
}

// MaxBytes implements bus.Publisher.
func (s *publisher) MaxBytes() int64 {
	most := s.events.NC.MaxPayload()
	if size := s.space.maxMessage.Load(); size > 0 {
		most = min(most, size)
	}
	if size := s.space.most(false); size > 0 {
		most = min(most, size)
	}
	return MaxBytes(most)
}

// MaxBytes is the largest event that a server takes whose messages may have payload bytes.
func MaxBytes(payload int64) int64 { return max(min(payload, largestRecord)-overhead, 0) }

// Publish implements bus.Publisher (P1 to P6).
func (s *publisher) Publish(ctx context.Context, topic string, e *event.Event, o bus.PublishOptions) (bus.Receipt, error) {
	if err := subject.Check(topic); err != nil {
		return bus.Receipt{}, err
	}
	if keeps(s.names.ns, topic) {
		return bus.Receipt{}, fmt.Errorf("publish to %s: the topic holds what Hookspan keeps beside events", topic)
	}
	if err := cmp.Or(s.usable(o.Reserved), s.lacking.untaken(topic)); err != nil {
		return bus.Receipt{}, fmt.Errorf("publish to %s: %w", topic, err)
	}
	out := outgoings.Get().(*outgoing)
	out.fill(topic, e, o)
	out.msg.Again = o.Key != "" && !s.alone(s.events)
	size := int64(len(topic) + len(out.msg.Data) + overhead/4)
	if err := s.space.take(size, o.Reserved); err != nil {
		out.release()
		return bus.Receipt{}, fmt.Errorf("publish to %s: %w", topic, err)
	}
	a, err := s.send(ctx, &out.msg, o.Sent)
	if err == nil && a.Repeated {
		a, err = s.repeated(ctx, &out.msg, a, o.Sent)
	}
	out.release()
	if err == nil && !a.Synced {
		err = s.durable(ctx)
	}
	if err != nil {
		return bus.Receipt{}, fmt.Errorf("publish to %s: %w", topic, s.explain(err, o.Reserved))
	}
	return bus.Receipt{
		Partition: bus.Partition(a.Stream),
		Position:  bus.Position{Identity: s.identities.of(a.Stream), Seq: int64(a.Seq)},
		Repeated:  a.Repeated && !a.Retried,
	}, nil
}

// send sends a message until it is known to be stored, or to be refused, or time is up. One
// whose key is on its way to be stored is neither, nor is one that no server took. A leader that
// leaves takes along what it was sent: in a cluster what has a key goes to the next one, too.
func (s *publisher) send(ctx context.Context, m *link.Message, sent func()) (link.Ack, error) {
	began, unanswered := time.Now(), 0
	for pause := resendFirst; ; pause = min(2*pause, resendMost) {
		a, err := s.events.Acks.Send(ctx, m, sent)
		patience, again := time.Duration(0), false
		switch {
		case err == nil:
			a.Retried = unanswered > 0
			return a, s.believe(ctx, m.Subject, a)
		case link.HasCode(err, link.CodeKeyInFlight):
			patience = s.o.PublishTimeout
		case errors.Is(err, link.ErrNoOwner) && (s.o.Disk == nil || !s.alone(s.events)):
			patience = leaderMoves
		case errors.Is(err, link.ErrNoAck):
			if denied := s.events.MayPublish(m.Subject); denied != nil {
				return link.Ack{}, fmt.Errorf("%w: %w", bus.ErrUnavailable, denied)
			}
			unanswered++
			again = m.Again && unanswered < link.Tries
		}
		if !again && time.Since(began)+pause > patience {
			return link.Ack{}, err
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return link.Ack{}, context.Cause(ctx)
		}
	}
}

// repeated looks at what has the key of m. When that is another message, m is published
// without: whoever guesses a key must not keep an event away.
func (s *publisher) repeated(ctx context.Context, m *link.Message, a link.Ack, sent func()) (link.Ack, error) {
	same, err := s.ours(ctx, m, a)
	if err != nil || same {
		return a, err
	}
	s.meddled(fmt.Errorf("%w: message %d of stream %s has it", link.ForeignID, a.Seq, a.Stream), "topic", m.Subject)
	m.Header = slices.DeleteFunc(m.Header, func(f event.Field) bool { return f.Name == headerMessageID })
	m.Again = false
	return s.send(ctx, m, sent)
}

// An outgoing message and the memory that building it takes.
type outgoing struct {
	msg    link.Message
	fields []event.Field
	data   []byte // of a structured event
}

var outgoings = sync.Pool{New: func() any { return &outgoing{} }}

// release gives the memory back, and lets go of the event's.
func (out *outgoing) release() {
	out.msg = link.Message{}
	clear(out.fields)
	if cap(out.data) > 64<<10 {
		out.data = nil
	}
	outgoings.Put(out)
}

// fill makes the message of an event. What attributes headers do not hold, a document does.
func (out *outgoing) fill(topic string, e *event.Event, o bus.PublishOptions) {
	data := e.Data
	out.fields = e.AppendHeaders(out.fields[:0], event.NATS)
	if o.Structured || sizeOf(out.fields) > headersMost {
		out.data = event.AppendStructured(out.data[:0], e)
		data = out.data
		out.identify()
	}
	if o.Key != "" {
		out.fields = append(out.fields, event.Field{Name: headerMessageID, Value: o.Key})
	}
	if o.Mark != "" {
		out.fields = append(out.fields, event.Field{Name: headerMark, Value: o.Mark})
	}
	out.msg = link.Message{Subject: topic, Header: out.fields, Data: data, Synced: true}
}

// identify leaves of the headers what a document has beside it: intake's window is rebuilt from
// headers, whatever the mode. It needs id and source of events alone that have no mark.
func (out *outgoing) identify() {
	out.fields = slices.DeleteFunc(out.fields, func(f event.Field) bool { return f.Name != headerID && f.Name != headerSource })
	if sizeOf(out.fields) > headersMost {
		out.fields = out.fields[:0]
	}
	out.fields = append(out.fields, event.Field{Name: headerContentType, Value: event.StructuredType})
}

// sizeOf is about what headers take in a message.
func sizeOf(fields []event.Field) (size int) {
	for i := range fields {
		size += len(fields[i].Name) + len(": ") + len(fields[i].Value) + len("\r\n")
	}
	return size
}
