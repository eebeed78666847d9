package kafka_test

import (
	"context"
	"crypto/rand"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/event"
	"github.com/hookspan/hookspan/sinks/kafka"
	"github.com/hookspan/hookspan/sinks/kafka/kafkatest"
)

func TestTopicsThatAreNone(t *testing.T) {
	t.Parallel()
	store := open(t, newCluster(t), kafka.Options{})
	for _, topic := range []string{"", ".", "..", "a b", "a/b", "a\x00", "hookspan.events.>", strings.Repeat("x", 250), "hookspan.state", "hookspan.seen"} {
		if _, err := store.Publish(within(t), topic, order("1"), bus.PublishOptions{}); err == nil {
			t.Errorf("topic %q was taken", topic)
		}
	}
}

// The topic of a source that came later is made as those at the start are.
func TestAMissingTopicIsMade(t *testing.T) {
	t.Parallel()
	cluster := newCluster(t, kfake.NumBrokers(3))
	store := open(t, cluster, kafka.Options{Partitions: 5, Retention: 48 * time.Hour})
	r, err := store.Publish(within(t), "hookspan.events.late", order("1"), bus.PublishOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if sp, ok := spans(t, store)[r.Partition]; !ok || !sp.New || sp.End.Seq != r.Position.Seq {
		t.Errorf("its span is %v", sp)
	}
	info := cluster.TopicInfo("hookspan.events.late")
	if info == nil || info.NumReplicas != 3 {
		t.Fatalf("it is %+v", info)
	}
	if got := len(cluster.PartitionInfos("hookspan.events.late")); got != 5 {
		t.Errorf("it has %d partitions", got)
	}
	configs, err := kadm.NewClient(cluster.client(t)).DescribeTopicConfigs(within(t), "hookspan.events.late")
	if err != nil {
		t.Fatal(err)
	}
	set := map[string]string{}
	for _, c := range configs[0].Configs {
		set[c.Key] = c.MaybeValue()
	}
	for name, want := range map[string]string{"retention.ms": "172800000", "cleanup.policy": "delete", "min.insync.replicas": "2", "message.timestamp.type": "LogAppendTime"} {
		if set[name] != want {
			t.Errorf("%s is %q, want %q", name, set[name], want)
		}
	}
}

// A topic that is deleted while events go to it is made anew, without a restart.
func TestADeletedTopicComesBack(t *testing.T) { kafkatest.InBubble(t, aDeletedTopicComesBack) }

func aDeletedTopicComesBack(t *testing.T) {
	cluster := newBubbled(t, kfake.NumBrokers(3))
	store := open(t, cluster, kafka.Options{})
	for range 3 {
		publish(t, store, "1", "2")
		if err := cluster.DeleteTopic(shop); err != nil {
			t.Fatal(err)
		}
		ctx := within(t)
		var r bus.Receipt
		err := bus.ErrUnavailable
		for errors.Is(err, bus.ErrUnavailable) && ctx.Err() == nil {
			r, err = store.Publish(ctx, shop, order("3"), bus.PublishOptions{})
		}
		if err != nil || r.Position.Seq != 0 {
			t.Fatalf("after the topic was deleted: %v %v", r, err)
		}
		if sp := spans(t, store)[shop+"/0"]; sp.Identity != r.Position.Identity {
			t.Errorf("the receipt names %v, the span %v", r.Position, sp)
		}
	}
}

func TestWhatBrokersRefuse(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		fault *kerr.Error
		want  error
		says  string
	}{
		"too few replicas":   {kerr.NotEnoughReplicas, bus.ErrUnavailable, ""},
		"no leader":          {kerr.NotLeaderForPartition, bus.ErrUnavailable, ""},
		"broken storage":     {kerr.KafkaStorageError, bus.ErrUnavailable, ""},
		"no answer in time":  {kerr.RequestTimedOut, bus.ErrUnavailable, ""},
		"a right is missing": {kerr.TopicAuthorizationFailed, kerr.TopicAuthorizationFailed, "the right WRITE"},
		"a compacted topic":  {kerr.InvalidRecord, kerr.InvalidRecord, "compacted"},
		"larger than it may": {kerr.MessageTooLarge, bus.ErrTooLarge, shop},
	} {
		t.Run(name, func(t *testing.T) {
			kafkatest.InBubble(t, func(t *testing.T) {
				cluster := newBubbled(t)
				store := open(t, cluster, kafka.Options{PublishTimeout: time.Second})
				fault := cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Topic: shop, Err: c.fault, Count: -1})
				_, err := store.Publish(within(t), shop, order("1"), bus.PublishOptions{})
				if !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.says) {
					t.Errorf("publish: %v, want %v that says %q", err, c.want, c.says)
				}
				fault.Remove()
				ctx := within(t)
				for err != nil && ctx.Err() == nil {
					_, err = store.Publish(ctx, shop, order("2"), bus.PublishOptions{})
				}
				if err != nil {
					t.Errorf("once it is over: %v", err)
				}
			})
		})
	}
}

func TestAnEndedContextEndsAPublish(t *testing.T) { kafkatest.InBubble(t, anEndedContextEndsAPublish) }

func anEndedContextEndsAPublish(t *testing.T) {
	cluster := newBubbled(t)
	store := open(t, cluster, kafka.Options{})
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if _, err := store.Publish(ctx, shop, order("1"), bus.PublishOptions{}); !errors.Is(err, context.Canceled) {
		t.Fatalf("publish: %v", err)
	}
	fault := cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Topic: shop, Err: kerr.NotEnoughReplicas, Count: -1})
	short, end := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer end()
	if _, err := store.Publish(short, shop, order("1"), bus.PublishOptions{}); !errors.Is(err, bus.ErrUnavailable) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("with a deadline: %v", err)
	}
	fault.Remove()
	publish(t, store, "2") // another caller's is none of its business
}

// The largest event goes by what the topics take, also when that is changed meanwhile.
func TestTheLargestEvent(t *testing.T) {
	t.Parallel()
	cluster := newCluster(t)
	if err := cluster.CreateTopic(shop, 1, map[string]string{"max.message.bytes": "200000"}); err != nil {
		t.Fatal(err)
	}
	store := open(t, cluster, kafka.Options{MaxBytes: 4 << 20})
	if got := store.MaxBytes(); got > 200_000 || got < 190_000 {
		t.Errorf("MaxBytes is %d where a topic takes 200000", got)
	}
	e := order("1")
	e.Data = make([]byte, int(store.MaxBytes())-1000)
	_, _ = rand.Read(e.Data) // or a batch would be small once compressed
	if _, err := store.Publish(within(t), shop, e, bus.PublishOptions{}); err != nil {
		t.Fatal(err)
	}
	value := "100000"
	adm := kadm.NewClient(cluster.client(t))
	if _, err := adm.AlterTopicConfigs(within(t), []kadm.AlterConfig{{Op: kadm.SetConfig, Name: "max.message.bytes", Value: &value}}, shop); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Publish(within(t), shop, e, bus.PublishOptions{}); !errors.Is(err, bus.ErrTooLarge) {
		t.Errorf("an event that is too large since: %v", err)
	}
	if got := store.MaxBytes(); got > 100_000 {
		t.Errorf("MaxBytes is %d where the topic takes 100000 since", got)
	}
	publish(t, store, "2")
}

// What goes on the wire is the Kafka protocol binding's.
func TestTheRecordOfAnEvent(t *testing.T) {
	t.Parallel()
	cluster := newCluster(t)
	store := open(t, cluster, kafka.Options{})
	e := order("größe 1")
	e.Subject = "orders/1"
	e.SetExtension("partitionkey", "orders/1")
	for _, structured := range []bool{false, true} {
		if _, err := store.Publish(within(t), shop, e, bus.PublishOptions{Structured: structured}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := store.Publish(within(t), shop, order("2"), bus.PublishOptions{}); err != nil {
		t.Fatal(err)
	}
	cl := cluster.client(t, kgo.ConsumeTopics(shop), kgo.ConsumeStartOffset(kgo.NewOffset().AtStart()))
	var records []*kgo.Record
	for len(records) < 3 {
		fetches := cl.PollFetches(within(t))
		if err := fetches.Err(); err != nil {
			t.Fatal(err)
		}
		records = append(records, fetches.Records()...)
	}
	header := func(r *kgo.Record) map[string]string {
		all := map[string]string{}
		for _, h := range r.Headers {
			all[h.Key] = string(h.Value)
		}
		return all
	}
	binary, structured, keyless := records[0], records[1], records[2]
	want := map[string]string{
		"ce_specversion": "1.0", "ce_id": "größe 1", "ce_source": "/sources/shop", "ce_type": "com.example.order.created",
		"ce_subject": "orders/1", "ce_partitionkey": "orders/1", "content-type": "application/json",
	}
	got := header(binary)
	for name, value := range want {
		if got[name] != value {
			t.Errorf("header %s is %q, want %q", name, got[name], value)
		}
	}
	if len(got) != len(want) || string(binary.Key) != "orders/1" || string(binary.Value) != "{}" {
		t.Errorf("binary mode: headers %v, key %q, value %q", got, binary.Key, binary.Value)
	}
	if got := header(structured); len(got) != 1 || got["content-type"] != event.StructuredType || string(structured.Key) != "orders/1" {
		t.Errorf("structured mode: headers %v, key %q", got, structured.Key)
	}
	if keyless.Key != nil {
		t.Errorf("without a partitionkey the key is %q", keyless.Key)
	}
}

func TestMessagesThatAreNoCloudEventsAreWrapped(t *testing.T) {
	t.Parallel()
	cluster := newCluster(t)
	store := open(t, cluster, kafka.Options{})
	cl := cluster.client(t, kgo.DefaultProduceTopic(shop))
	for _, r := range []*kgo.Record{
		{Value: []byte("hello")},
		{Value: []byte(`{"a":1}`), Key: []byte("k"), Headers: []kgo.RecordHeader{{Key: "Content-Type", Value: []byte("application/vnd.acme+json")}}},
		{Value: []byte("x"), Headers: []kgo.RecordHeader{{Key: "ce_specversion", Value: []byte("1.0")}, {Key: "ce_id"}}},
		{Value: nil, Key: []byte("deleted")},
		ceRecord("7"),
	} {
		if err := cl.ProduceSync(within(t), r).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	sp := spans(t, store)[shop+"/0"]
	place := shop + "/0/" + sp.Identity
	listen(t, store, sp.Partition, front(sp)).expect(place+"/0", place+"/1", place+"/2", place+"/3", "7")
	m, err := store.Get(within(t), sp.Partition, bus.Position{Identity: sp.Identity, Seq: 1})
	if err != nil {
		t.Fatal(err)
	}
	if broken, err := store.Get(within(t), sp.Partition, bus.Position{Identity: sp.Identity, Seq: 2}); err != nil || broken.Fault == "" || m.Fault != "" {
		t.Errorf("an event without an id: fault %q, %v; no event: fault %q", broken.Fault, err, m.Fault)
	}
	if e := m.Event; e.Source != "/topics/"+shop || e.Type != shop || e.DataContentType != "application/vnd.acme+json" || string(e.Data) != `{"a":1}` {
		t.Errorf("wrapped: %+v", e)
	}
}

// The markers of what one process publishes reach the others; letters to the dead do not.
func TestMarkers(t *testing.T) {
	t.Parallel()
	cluster := newCluster(t)
	store, other := open(t, cluster, kafka.Options{}), open(t, cluster, kafka.Options{})
	heard := make(chan string, 10)
	go func() {
		_ = other.FollowPublished(t.Context(), time.Now().Add(-time.Minute), func(p bus.Publication) error {
			heard <- p.Topic + " " + p.Source + " " + p.ID + p.Mark
			return nil
		})
	}()
	for _, p := range []struct {
		topic string
		o     bus.PublishOptions
	}{
		{"hookspan.dead", bus.PublishOptions{Key: "dead 1", Reserved: true}},
		{shop, bus.PublishOptions{}},
		{shop, bus.PublishOptions{Key: "one"}},
		{shop, bus.PublishOptions{Key: "one"}},
		{"hookspan.quarantine", bus.PublishOptions{Key: "two", Mark: "-mark"}},
	} {
		if _, err := store.Publish(within(t), p.topic, order("1"), p.o); err != nil {
			t.Fatal(err)
		}
	}
	ctx := within(t)
	got := map[string]int{}
	for range 2 {
		select {
		case one := <-heard:
			got[one]++
		case <-ctx.Done():
			t.Fatalf("heard only %v", got)
		}
	}
	if got[shop+" /sources/shop 1"] != 1 || got["hookspan.quarantine /sources/shop 1-mark"] != 1 {
		t.Errorf("heard %v", got)
	}
}
