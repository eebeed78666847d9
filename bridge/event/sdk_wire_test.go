package event_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/IBM/sarama"
	"github.com/cloudevents/sdk-go/protocol/kafka_sarama/v2"
	"github.com/cloudevents/sdk-go/protocol/nats_jetstream/v2"
	"github.com/cloudevents/sdk-go/v2/binding"
	cloudevents "github.com/cloudevents/sdk-go/v2/event"
	cehttp "github.com/cloudevents/sdk-go/v2/protocol/http"
	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"

	"github.com/hookspan/hookspan/bridge/event"
)

// A wire is a transport with the SDK at its other end.
type wire struct {
	binding event.Binding
	escapes bool // what the binding asks for and the SDK does not know
	// given is our message as the SDK takes it off the wire.
	given func(t *testing.T, fields []event.Field, data []byte) binding.Message
	// taken is the SDK's message as it comes off the wire.
	taken func(t *testing.T, ctx context.Context, s cloudevents.Event) (fields []event.Field, data []byte)
}

var wires = map[string]wire{
	"HTTP":  {event.HTTP, true, givenHTTP, takenHTTP},
	"NATS":  {event.NATS, true, givenNATS, takenNATS},
	"Kafka": {event.Kafka, false, givenKafka, takenKafka},
}

func givenHTTP(_ *testing.T, fields []event.Field, data []byte) binding.Message {
	h := http.Header{}
	for _, f := range fields {
		h.Set(f.Name, f.Value)
	}
	if data == nil {
		return cehttp.NewMessage(h, http.NoBody)
	}
	return cehttp.NewMessage(h, io.NopCloser(bytes.NewReader(data)))
}

func takenHTTP(t *testing.T, ctx context.Context, s cloudevents.Event) (fields []event.Field, data []byte) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://127.0.0.1", nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := cehttp.WriteRequest(ctx, binding.ToMessage(&s), r); err != nil {
		t.Fatal(err)
	}
	if r.Body != nil {
		if data, err = io.ReadAll(r.Body); err != nil {
			t.Fatal(err)
		}
	}
	return listed(r.Header), data
}

func listed(headers map[string][]string) (fields []event.Field) {
	for name, values := range headers {
		fields = append(fields, event.Field{Name: name, Value: values[0]})
	}
	return fields
}

func givenNATS(t *testing.T, fields []event.Field, data []byte) binding.Message {
	m := &nats.Msg{Data: data}
	if len(fields) > 0 {
		m.Header = overNATS(t, fields)
	}
	return nats_jetstream.NewMessage(m)
}

// overNATS are the headers as a client reads them.
func overNATS(t *testing.T, fields []event.Field) nats.Header {
	lines := []byte("NATS/1.0\r\n")
	for _, f := range fields {
		lines = append(lines, f.Name+": "+f.Value+"\r\n"...)
	}
	h, err := nats.DecodeHeadersMsg(append(lines, "\r\n"...))
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func takenNATS(t *testing.T, ctx context.Context, s cloudevents.Event) ([]event.Field, []byte) {
	var body bytes.Buffer
	h, err := nats_jetstream.WriteMsg(ctx, binding.ToMessage(&s), &body)
	if err != nil {
		t.Fatal(err)
	}
	return listed(h), body.Bytes()
}

func givenKafka(_ *testing.T, fields []event.Field, data []byte) binding.Message {
	m := &sarama.ConsumerMessage{Topic: "orders", Value: data}
	for _, f := range fields {
		m.Headers = append(m.Headers, &sarama.RecordHeader{Key: []byte(f.Name), Value: []byte(f.Value)})
	}
	return kafka_sarama.NewMessageFromConsumerMessage(m)
}

func takenKafka(t *testing.T, ctx context.Context, s cloudevents.Event) (fields []event.Field, data []byte) {
	var m sarama.ProducerMessage
	if err := kafka_sarama.WriteProducerMessage(ctx, binding.ToMessage(&s), &m); err != nil {
		t.Fatal(err)
	}
	for _, h := range m.Headers {
		fields = append(fields, event.Field{Name: string(h.Key), Value: string(h.Value)})
	}
	if e := fromSDK(t, s); m.Key != nil || e.Extension("partitionkey") != "" {
		if key, err := m.Key.Encode(); err != nil || string(key) != e.Extension("partitionkey") {
			t.Errorf("the SDK's key is %q, the partition key %q", key, e.Extension("partitionkey"))
		}
	}
	if m.Value == nil {
		return fields, nil
	}
	data, err := m.Value.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return fields, data
}

func TestSDKReadsWhatWeWrite(t *testing.T) {
	t.Parallel()
	for on, w := range wires {
		for name, s := range sdkEvents(t) {
			e := fromSDK(t, s)
			want := untyped(&e)
			if w.escapes {
				want.Subject = map[string]string{"escapes": "order%20%227%22%20100%25%20%C3%BC"}[name]
				if want.Subject == "" {
					want.Subject = e.Subject
				}
			}
			compareSDK(t, on+" binary "+name, w.given(t, e.Headers(w.binding), e.Data), want)
			compareSDK(t, on+" structured "+name, w.given(t, []event.Field{{Name: "content-type", Value: event.StructuredType}}, event.AppendStructured(nil, &e)), e)
		}
	}
}

func compareSDK(t *testing.T, name string, m binding.Message, want event.Event) {
	t.Helper()
	s, err := binding.ToEvent(t.Context(), m)
	if err != nil {
		t.Errorf("%s: %v", name, err)
		return
	}
	for _, added := range []string{"kafkaoffset", "kafkapartition", "kafkatopic"} {
		s.SetExtension(added, nil)
	}
	got := fromSDK(t, *s)
	if len(got.Data) == 0 {
		got.Data = nil
	}
	if spaceless := strings.ReplaceAll(want.DataContentType, "; ", ";"); got.DataContentType == spaceless {
		want.DataContentType = spaceless // from ce-datacontenttype or content-type, as its map has it
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s: %s", name, diff)
	}
}

func TestWeReadWhatTheSDKWrites(t *testing.T) {
	t.Parallel()
	for on, w := range wires {
		for name, s := range sdkEvents(t) {
			e := fromSDK(t, s)
			for mode, c := range map[string]struct {
				ctx  context.Context
				want event.Event
			}{
				"binary":     {binding.WithForceBinary(t.Context()), untyped(&e)},
				"structured": {binding.WithForceStructured(t.Context()), e},
			} {
				if on == "NATS" && mode == "binary" {
					for name, value := range s.Extensions() {
						c.want.SetExtension(name, fmt.Sprint(value)) // as the SDK writes them there
					}
				}
				fields, data := w.taken(t, c.ctx, s)
				got, _, err := event.Read(w.binding, event.Fields(fields), data)
				if err != nil {
					t.Errorf("%s %s %s: %v", on, mode, name, err)
					continue
				}
				if diff := cmp.Diff(c.want, got); diff != "" {
					t.Errorf("%s %s %s: %s", on, mode, name, diff)
				}
			}
		}
	}
}

// An event without data has no value on Kafka, on either side.
func TestNoDataIsNoValue(t *testing.T) {
	t.Parallel()
	s, err := event.ToSDK(smallest())
	if err != nil {
		t.Fatal(err)
	}
	fields, data := takenKafka(t, binding.WithForceBinary(t.Context()), s)
	got, _, err := event.Read(event.Kafka, event.Fields(fields), data)
	if data != nil || got.Data != nil || err != nil {
		t.Errorf("the SDK writes %q, we read %+v, %v", data, got, err)
	}
}
