package kafka_test

import (
	"bytes"
	"context"
	"errors"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/event"
	"github.com/hookspan/hookspan/sinks/kafka"
)

// onBus runs a benchmark on a broker in this process, or on those that HOOKSPAN_TEST_KAFKA
// names.
func onBus(b *testing.B, run func(b *testing.B, store *kafka.Store, brokers []string, topic string)) {
	if brokers := realBrokers(b); len(brokers) > 0 {
		f := openFresh(b, brokers, kafka.Options{})
		run(b, f.Store, brokers, f.topic)
		return
	}
	cluster := newCluster(b)
	run(b, open(b, cluster, kafka.Options{Partitions: 12}), cluster.ListenAddrs(), shop)
}

// BenchmarkPublish measures events of 1 KB from 256 callers: with headers alone, with the
// guard key as intake has them (and so with a marker), and the client library's own loop.
func BenchmarkPublish(b *testing.B) {
	data := bytes.Repeat([]byte("x"), 1024)
	b.Run("plain", func(b *testing.B) {
		onBus(b, func(b *testing.B, store *kafka.Store, _ []string, topic string) {
			benchPublish(b, store, topic, data, false)
		})
	})
	b.Run("keyed", func(b *testing.B) {
		onBus(b, func(b *testing.B, store *kafka.Store, _ []string, topic string) {
			benchPublish(b, store, topic, data, true)
		})
	})
	b.Run("bare", func(b *testing.B) {
		onBus(b, func(b *testing.B, _ *kafka.Store, brokers []string, topic string) {
			cl := client(b, brokers)
			callers(b, func(int) error {
				return cl.ProduceSync(context.Background(), &kgo.Record{Topic: topic, Value: data}).FirstErr()
			})
		})
	})
	b.Run("bare with linger", func(b *testing.B) {
		onBus(b, func(b *testing.B, store *kafka.Store, _ []string, topic string) {
			b.ReportAllocs()
			b.ResetTimer()
			if err := store.PublishBare(context.Background(), topic, data, int64(b.N), 256); err != nil {
				b.Error(err)
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
		})
	})
}

func benchPublish(b *testing.B, store *kafka.Store, topic string, data []byte, keyed bool) {
	callers(b, func(n int) error {
		id := "order-" + strconv.Itoa(n)
		e := &event.Event{
			ID: id, Source: "/sources/shop", Type: "com.example.order.created", Subject: id,
			Time: time.Unix(1763700000, 0).UTC(), DataContentType: "application/json", Data: data,
			Extensions: []event.Extension{{Name: "partitionkey", Value: id}, {Name: "recordedtime", Value: "2026-11-21T10:00:00Z"}},
		}
		var o bus.PublishOptions
		if keyed {
			o.Key = id
		}
		_, err := store.Publish(context.Background(), topic, e, o)
		return err
	})
}

// callers has 256 of them do something b.N times in all.
func callers(b *testing.B, do func(n int) error) {
	var next atomic.Int64
	var all sync.WaitGroup
	b.ReportAllocs()
	b.ResetTimer()
	for range 256 {
		all.Go(func() {
			for n := next.Add(1); n <= int64(b.N); n = next.Add(1) {
				if err := do(int(n)); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
}

// BenchmarkFollow measures reading events back, decoded, from one partition.
func BenchmarkFollow(b *testing.B) {
	onBus(b, func(b *testing.B, store *kafka.Store, _ []string, topic string) {
		const events = 100_000
		all := fill(b, store, topic, events)
		b.ResetTimer()
		read := 0
		for range b.N {
			var followers sync.WaitGroup
			var mu sync.Mutex
			for _, sp := range all {
				followers.Go(func() {
					err := store.Follow(within(b), sp.Partition, front(sp), func(batch []bus.Message) error {
						if len(batch) == 0 {
							return errEnough
						}
						mu.Lock()
						defer mu.Unlock()
						read += len(batch)
						return nil
					})
					if !errors.Is(err, errEnough) {
						b.Error(err)
					}
				})
			}
			followers.Wait()
		}
		b.ReportMetric(float64(read)/b.Elapsed().Seconds(), "events/s")
	})
}

// fill publishes n events and returns the topic's spans.
func fill(b *testing.B, store *kafka.Store, topic string, n int) (all []bus.Span) {
	var writers sync.WaitGroup
	for w := range 64 {
		writers.Go(func() {
			for i := w; i < n; i += 64 {
				e := order(strconv.Itoa(i))
				e.Data = bytes.Repeat([]byte("x"), 1024)
				if _, err := store.Publish(context.Background(), topic, e, bus.PublishOptions{}); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	writers.Wait()
	for _, sp := range spans(b, store) {
		if sp.First <= sp.End.Seq {
			all = append(all, sp)
		}
	}
	return all
}
