package kafka_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/sinks/kafka"
)

// What a transaction has not committed is not handed over, what it aborted never; and the
// offsets of its marks do not keep a reader from its end.
func TestTransactionsOfOthers(t *testing.T) {
	t.Parallel()
	cluster := newCluster(t)
	store := open(t, cluster, kafka.Options{})
	sp := spans(t, store)[shop+"/0"]
	ends := make(chan struct{}, 1000)
	l := listen(t, store, sp.Partition, front(sp))
	go func() {
		_ = store.Follow(t.Context(), sp.Partition, front(sp), func(batch []bus.Message) error {
			if len(batch) == 0 {
				ends <- struct{}{}
			}
			return nil
		})
	}()
	<-ends
	theirs := cluster.client(t, kgo.TransactionalID("theirs"), kgo.DefaultProduceTopic(shop))
	transact := func(id string, how kgo.TransactionEndTry) {
		t.Helper()
		if err := theirs.BeginTransaction(); err != nil {
			t.Fatal(err)
		}
		if err := theirs.ProduceSync(within(t), ceRecord(id)).FirstErr(); err != nil {
			t.Fatal(err)
		}
		if err := theirs.EndTransaction(within(t), how); err != nil {
			t.Fatal(err)
		}
	}
	transact("committed", kgo.TryCommit)
	<-ends
	transact("aborted", kgo.TryAbort)
	transact("committed too", kgo.TryCommit)
	l.expect("committed", "committed too")
	<-ends
	end := spans(t, store)[shop+"/0"].End
	if _, err := store.Get(within(t), sp.Partition, end); !errors.Is(err, bus.ErrGone) {
		t.Errorf("the mark of a transaction at %d: %v, want ErrGone", end.Seq, err)
	}
	publish(t, store, "ours")
	listen(t, store, sp.Partition, end).expect("ours")
	l.expect("ours")
}

// ceRecord is an event in binary mode.
func ceRecord(id string) *kgo.Record {
	var headers []kgo.RecordHeader
	for _, f := range [][2]string{{"ce_specversion", "1.0"}, {"ce_id", id}, {"ce_source", "/theirs"}, {"ce_type", "their.type"}} {
		headers = append(headers, kgo.RecordHeader{Key: f[0], Value: []byte(f[1])})
	}
	return &kgo.Record{Value: []byte("{}"), Headers: headers}
}

// Over several partitions and topics, one of which appears later: everything comes, in order
// within a key.
func TestManyPartitions(t *testing.T) {
	t.Parallel()
	cluster := newCluster(t, kfake.NumBrokers(3))
	store := open(t, cluster, kafka.Options{Partitions: 6})
	if got := len(spans(t, store)); got != 6 {
		t.Fatalf("%d partitions", got)
	}
	const keys, each = 10, 40
	topics := []string{shop, "hookspan.events.late"}
	var writers sync.WaitGroup
	for _, topic := range topics {
		for k := range keys {
			writers.Go(func() {
				for i := range each {
					e := order(fmt.Sprintf("%s/%d/%d", topic, k, i))
					e.SetExtension("partitionkey", strconv.Itoa(k))
					if _, err := store.Publish(within(t), topic, e, bus.PublishOptions{Structured: i%2 == 0}); err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
	}
	writers.Wait()
	all := spans(t, store)
	if len(all) != 12 {
		t.Fatalf("%d partitions", len(all))
	}
	var mu sync.Mutex
	next := map[string]int{}
	count := 0
	ctx, enough := context.WithCancel(within(t))
	defer enough()
	var followers sync.WaitGroup
	for p, sp := range all {
		if late := p[:len(p)-2] != shop; late != sp.New {
			t.Errorf("%s is new: %v", p, sp.New)
		}
		followers.Go(func() {
			_ = store.Follow(ctx, p, front(sp), func(batch []bus.Message) error {
				mu.Lock()
				defer mu.Unlock()
				for _, m := range batch {
					key := m.Topic + "/" + m.Event.Extension("partitionkey")
					if want := key + "/" + strconv.Itoa(next[key]); m.Event.ID != want {
						t.Errorf("came %s, want %s", m.Event.ID, want)
					}
					next[key]++
					if count++; count == len(topics)*keys*each {
						enough()
					}
				}
				return nil
			})
		})
	}
	followers.Wait()
	if count != len(topics)*keys*each {
		t.Errorf("%d events of %d came", count, len(topics)*keys*each)
	}
}

func TestManyLargeEventsAreFollowed(t *testing.T) {
	t.Parallel()
	cluster := newCluster(t)
	store := open(t, cluster, kafka.Options{})
	sp := spans(t, store)[shop+"/0"]
	const n = 24
	for i := range n {
		e := order(strconv.Itoa(i))
		e.Data = bytes.Repeat([]byte{byte(i)}, 1500<<10) // more than a fetch is meant to bring
		if _, err := store.Publish(within(t), shop, e, bus.PublishOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	listen(t, store, sp.Partition, front(sp)).expect(numbers(0, n-1)...)
}
