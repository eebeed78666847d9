package kafka_test

import (
	"context"
	"encoding/binary"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/sinks/kafka"
)

// altering has a cluster's answers to a kind of request altered, as long as alter says that it
// did so.
func altering[T kmsg.Response](t *testing.T, c *cluster, key kmsg.Key, alter func(T) bool) *atomic.Int64 {
	t.Helper()
	cl, inner, altered := c.client(t), &atomic.Bool{}, &atomic.Int64{}
	c.ControlKey(int16(key), func(req kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		if inner.Load() {
			return nil, nil, false
		}
		node, again := c.CurrentNode(), copyOf(t, req)
		var resp kmsg.Response
		inner.Store(true)
		c.SleepControl(func() { resp, _ = cl.Broker(int(node)).Request(t.Context(), again) })
		inner.Store(false)
		answer, ok := resp.(T)
		if !ok || !alter(answer) {
			return nil, nil, false
		}
		altered.Add(1)
		return answer, nil, true
	})
	return altered
}

// copyOf is a request of its own: the client that sends one writes to it.
func copyOf(t *testing.T, req kmsg.Request) kmsg.Request {
	again := kmsg.RequestForKey(req.Key())
	again.SetVersion(req.GetVersion())
	if err := again.ReadFrom(req.AppendTo(nil)); err != nil {
		t.Errorf("read a request: %v", err)
	}
	return again
}

// An answer that cannot be to the question is not believed, whatever it says.
func TestAnswersThatCannotBe(t *testing.T) {
	t.Parallel()
	const epochAt = 12 // Kafka protocol, "Record Batch"
	for name, alter := range map[string]func(topic *kmsg.FetchResponseTopic, other []byte){
		"of another topic": func(topic *kmsg.FetchResponseTopic, other []byte) {
			topic.TopicID[0]++
			topic.Partitions[0].RecordBatches = other
		},
		"of another partition": func(topic *kmsg.FetchResponseTopic, other []byte) {
			topic.Partitions[0].Partition++
			topic.Partitions[0].RecordBatches = other
		},
		"without anything": func(topic *kmsg.FetchResponseTopic, _ []byte) { topic.Partitions[0].RecordBatches = nil },
		"of a later leader": func(topic *kmsg.FetchResponseTopic, _ []byte) {
			raw := topic.Partitions[0].RecordBatches
			binary.BigEndian.PutUint32(raw[epochAt:], binary.BigEndian.Uint32(raw[epochAt:])+7)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cluster := newCluster(t, kfake.NumBrokers(3))
			store := open(t, cluster, kafka.Options{})
			at := publish(t, store, "1")[0]
			if _, err := store.Publish(within(t), "hookspan.events.other", order("other"), bus.PublishOptions{}); err != nil {
				t.Fatal(err)
			}
			other := batchesOf(t, cluster, "hookspan.events.other")
			var times atomic.Int64
			altered := altering(t, cluster, kmsg.Fetch, func(answer *kmsg.FetchResponse) bool {
				if len(answer.Topics) != 1 || len(answer.Topics[0].Partitions[0].RecordBatches) == 0 || times.Add(1) > 3 {
					return false
				}
				alter(&answer.Topics[0], other)
				return true
			})
			m, err := store.Get(within(t), at.Partition, at.Position)
			if err != nil || m.Event.ID != "1" || m.Position.Mark > 100 {
				t.Errorf("get: %v, %v", m, err)
			}
			if altered.Load() == 0 {
				t.Error("no answer was altered")
			}
		})
	}
}

// batchesOf are the records of a topic's first partition as they are fetched.
func batchesOf(t *testing.T, c *cluster, topic string) []byte {
	t.Helper()
	req := kmsg.NewPtrFetchRequest()
	req.MaxBytes, req.MinBytes = 1<<20, 1
	p := kmsg.NewFetchRequestTopicPartition()
	p.PartitionMaxBytes, p.CurrentLeaderEpoch = 1<<20, -1
	rt := kmsg.NewFetchRequestTopic()
	rt.Topic, rt.TopicID, rt.Partitions = topic, c.TopicInfo(topic).TopicID, []kmsg.FetchRequestTopicPartition{p}
	req.Topics = []kmsg.FetchRequestTopic{rt}
	for _, b := range []int32{0, 1, 2} {
		resp, err := c.client(t).Broker(int(b)).Request(within(t), req)
		if err != nil {
			t.Fatal(err)
		}
		if got := resp.(*kmsg.FetchResponse).Topics; len(got) == 1 && len(got[0].Partitions[0].RecordBatches) > 0 {
			return got[0].Partitions[0].RecordBatches
		}
	}
	t.Fatal("nobody has the topic")
	return nil
}

// A reader that waits at the end and gets nothing, while there is more, looks itself.
func TestATailThatBringsNothing(t *testing.T) {
	t.Parallel()
	cluster := newCluster(t, kfake.NumBrokers(3))
	store := open(t, cluster, kafka.Options{})
	sp := spans(t, store)[shop+"/0"]
	l := listen(t, store, sp.Partition, front(sp))
	publish(t, store, "1")
	l.expect("1")
	var times atomic.Int64
	altering(t, cluster, kmsg.Fetch, func(answer *kmsg.FetchResponse) bool {
		if len(answer.Topics) != 1 || len(answer.Topics[0].Partitions[0].RecordBatches) == 0 || times.Add(1) > 1 {
			return false
		}
		answer.Topics[0].Partitions[0].RecordBatches = nil
		return true
	})
	publish(t, store, "2")
	l.expect("2")
}

// The end of an epoch that is no older one's is nobody's.
func TestAnEpochThatWasNotAskedFor(t *testing.T) {
	t.Parallel()
	cluster := newCluster(t, kfake.NumBrokers(3))
	store := open(t, cluster, kafka.Options{})
	publish(t, store, "1", "2")
	sp := spans(t, store)[shop+"/0"]
	altering(t, cluster, kmsg.OffsetForLeaderEpoch, func(answer *kmsg.OffsetForLeaderEpochResponse) bool {
		answer.Topics[0].Partitions[0].LeaderEpoch += 5
		return true
	})
	ctx, cancel := soonOver(t)
	defer cancel()
	if at, err := store.Intact(ctx, sp.Partition, sp.End); !errors.Is(err, bus.ErrUnavailable) {
		t.Errorf("intact up to %v, %v", at, err)
	}
}

// soonOver is for what fails until time is up.
func soonOver(t *testing.T) (context.Context, context.CancelFunc) {
	return context.WithTimeout(t.Context(), 200*time.Millisecond)
}
