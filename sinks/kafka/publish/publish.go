package publish

import (
	"context"
	"fmt"
	"math"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/event"
	"github.com/hookspan/hookspan/sinks/kafka/topic"
)

// Names that events have on Kafka (CloudEvents Kafka protocol binding 1.0.2, 3.1), and ours beside them.
const (
	headerContentType = "content-type"
	headerMark        = "hookspan-mark"
	partitionKey      = "partitionkey"
)

// MaxBytes implements bus.Publisher: what the topic of intake takes that takes least.
func (s *Publisher) MaxBytes() int64 {
	least := int64(math.MaxInt32)
	for _, topic := range s.o.Writes {
		least = min(least, int64(s.targets.limit(topic)))
	}
	return least - topic.Overhead
}

// Publish implements bus.Publisher (P1 to P6).
func (s *Publisher) Publish(ctx context.Context, topic string, e *event.Event, o bus.PublishOptions) (bus.Receipt, error) {
	if s.o.Private(topic) {
		return bus.Receipt{}, fmt.Errorf("publish to %s: the topic holds what Hookspan keeps beside events", topic)
	}
	p := &publishing{
		s: s, event: e, o: o, until: s.Patience(), try: s.newTry(o.Key, topic),
		marker: bus.Publication{Topic: topic, Source: e.Source, ID: e.ID, Mark: o.Mark},
	}
	if o.Key == "" {
		return p.write(ctx, nil)
	}
	return s.recent.once(ctx, o.Key, p.until, func(f *flight) (bus.Receipt, error) {
		p.flight = f
		return p.run(ctx)
	})
}

// fill makes the record of an event. Its key is the partitionkey, which stays where it is, too
// (3.1).
func (out *Outgoing) fill(e *event.Event, o bus.PublishOptions) {
	out.sent = o.Sent
	out.fields = out.fields[:0]
	value := e.Data
	if o.Structured {
		out.data = event.AppendStructured(out.data[:0], e)
		value = out.data
		out.fields = append(out.fields, event.Field{Name: headerContentType, Value: event.StructuredType})
	} else {
		out.fields = e.AppendHeaders(out.fields, event.Kafka)
	}
	if o.Mark != "" {
		out.fields = append(out.fields, event.Field{Name: headerMark, Value: o.Mark})
	}
	out.Headers, out.values = out.Headers[:0], out.values[:0]
	for _, f := range out.fields {
		out.values = append(out.values, f.Value...)
	}
	from := 0
	for _, f := range out.fields {
		to := from + len(f.Value)
		out.Headers = append(out.Headers, kgo.RecordHeader{Key: f.Name, Value: out.values[from:to:to]})
		from = to
	}
	out.Record = kgo.Record{Value: value, Headers: out.Headers}
	if key := e.Extension(partitionKey); key != "" {
		out.Record.Key = []byte(key)
	}
}

// MarkOf is the mark that lies beside an event. A start reads markers, which are smaller; what carries
// events to another bus has to find it here.
func MarkOf(r *kgo.Record) string {
	for i := range r.Headers {
		if r.Headers[i].Key == headerMark {
			return string(r.Headers[i].Value)
		}
	}
	return ""
}
