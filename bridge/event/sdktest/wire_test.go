package sdktest_test

import (
	"bytes"
	"context"
	"testing"

	"github.com/IBM/sarama"
	"github.com/cloudevents/sdk-go/protocol/kafka_sarama/v2"
	"github.com/cloudevents/sdk-go/protocol/nats_jetstream/v2"
	"github.com/cloudevents/sdk-go/v2/binding"
	cloudevents "github.com/cloudevents/sdk-go/v2/event"
	"github.com/nats-io/nats.go"

	"github.com/hookspan/hookspan/bridge/event"
	"github.com/hookspan/hookspan/bridge/event/eventtest"
)

func onNATS() eventtest.Wire {
	return eventtest.Wire{Binding: event.NATS, Escapes: true, Texts: true, Given: givenNATS, Taken: takenNATS}
}

func onKafka() eventtest.Wire {
	return eventtest.Wire{Binding: event.Kafka, Given: givenKafka, Taken: takenKafka}
}

func TestTheSDKAgreesOnNATS(t *testing.T) {
	t.Parallel()
	onNATS().SDKReads(t)
	onNATS().SDKWrites(t)
}

func TestTheSDKAgreesOnKafka(t *testing.T) {
	t.Parallel()
	onKafka().SDKReads(t)
	onKafka().SDKWrites(t)
}

func FuzzNATSBinary(f *testing.F)  { eventtest.FuzzBinary(f, event.NATS, onNATS().Knows) }
func FuzzKafkaBinary(f *testing.F) { eventtest.FuzzBinary(f, event.Kafka, onKafka().Knows) }

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
	return eventtest.Listed(h), body.Bytes()
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
	if e := eventtest.FromSDK(t, s); m.Key != nil || e.Extension("partitionkey") != "" {
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

// An event without data has no value on Kafka, on either side.
func TestNoDataIsNoValue(t *testing.T) {
	t.Parallel()
	s, err := eventtest.ToSDK(eventtest.Smallest())
	if err != nil {
		t.Fatal(err)
	}
	fields, data := takenKafka(t, binding.WithForceBinary(t.Context()), s)
	got, _, err := event.Read(event.Kafka, event.Fields(fields), data)
	if data != nil || got.Data != nil || err != nil {
		t.Errorf("the SDK writes %q, we read %+v, %v", data, got, err)
	}
}
