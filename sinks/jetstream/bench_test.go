package jetstream_test

import (
	"bytes"
	"context"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	natsjs "github.com/nats-io/nats.go/jetstream"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/event"
	"github.com/hookspan/hookspan/sinks/jetstream"
	"github.com/hookspan/hookspan/sinks/jetstream/embedded"
	"github.com/hookspan/hookspan/sinks/jetstream/natstest"
)

// BenchmarkPublish measures events of 1 KB, with headers and the guard key as intake has them.
func BenchmarkPublish(b *testing.B) {
	for _, mode := range []embedded.Sync{embedded.Lazy, embedded.Group} {
		for _, publishers := range []int{64, 256} {
			b.Run(string(mode)+"/"+itoa(publishers), func(b *testing.B) {
				var syncs, waited, took atomic.Int64
				store, _ := openStore(b, embedded.Options{Dir: b.TempDir(), Sync: mode, Synced: func(d time.Duration, n int) {
					syncs.Add(1)
					waited.Add(int64(n))
					took.Add(int64(d))
				}}, jetstream.Options{})
				syncs.Store(0)
				waited.Store(0)
				took.Store(0)
				benchPublish(b, store, publishers)
				if n := float64(syncs.Load()); mode == embedded.Group && n > 0 {
					b.ReportMetric(float64(waited.Load())/n, "events/sync")
					b.ReportMetric(float64(took.Load())/n/1e3, "µs/sync")
				}
			})
		}
	}
}

func benchPublish(b *testing.B, store bus.Store, publishers int) {
	data := bytes.Repeat([]byte("x"), 1024)
	ctx := context.Background()
	var next atomic.Int64
	var all sync.WaitGroup
	b.ReportAllocs()
	b.ResetTimer()
	for range publishers {
		all.Go(func() {
			for {
				n := next.Add(1)
				if n > int64(b.N) {
					return
				}
				id := "order-" + itoa(int(n))
				e := &event.Event{
					ID: id, Source: "/sources/shop", Type: "com.example.order.created", Subject: "order-7",
					Time: time.Unix(1763700000, 0).UTC(), DataContentType: "application/json", Data: data,
					Extensions: []event.Extension{{Name: "partitionkey", Value: "order-7"}, {Name: "recordedtime", Value: "2026-11-21T10:00:00Z"}},
				}
				if _, err := store.Publish(ctx, "hookspan.events.shop.order.created", e, bus.PublishOptions{Key: id}); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
}

// BenchmarkPublished measures how fast intake's window is rebuilt.
func BenchmarkPublished(b *testing.B) {
	store, _ := openStore(b, embedded.Options{Dir: b.TempDir(), Sync: embedded.Lazy}, jetstream.Options{})
	fill(b, store, 300_000)
	b.ResetTimer()
	n := 0
	for range b.N {
		err := store.Published(time.Now().Add(-time.Hour))(context.Background(), func(bus.Publication) error {
			n++
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "ids/s")
}

func fill(b *testing.B, store bus.Store, n int) {
	var all sync.WaitGroup
	for w := range 64 {
		all.Go(func() {
			for i := w; i < n; i += 64 {
				e := &event.Event{ID: itoa(i), Source: "/sources/shop", Type: "com.example.order.created", Time: time.Now(), DataContentType: "application/json", Data: bytes.Repeat([]byte("x"), 1024)}
				if _, err := store.Publish(context.Background(), "hookspan.events.shop.order.created", e, bus.PublishOptions{}); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
}

// BenchmarkFollow measures reading events back, decoded.
func BenchmarkFollow(b *testing.B) {
	store, _ := openStore(b, embedded.Options{Dir: b.TempDir(), Sync: embedded.Lazy}, jetstream.Options{})
	const stored = 200_000
	fill(b, store, stored)
	spans, err := store.Spans(context.Background())
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N {
		n := 0
		err := store.Follow(context.Background(), spans[0].Partition, bus.Position{Identity: spans[0].Identity}, func(m []bus.Message) error {
			if n += len(m); n == stored {
				return errEnough
			}
			return nil
		})
		if err != errEnough {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)*stored/b.Elapsed().Seconds(), "events/s")
}

// BenchmarkBarePublish is what the others are measured against: 1 KB without headers, and as
// little as an acknowledgement can take in this process.
func BenchmarkBarePublish(b *testing.B) {
	for _, publishers := range []int{64, 256} {
		b.Run(itoa(publishers), func(b *testing.B) {
			_, server := openStore(b, embedded.Options{Dir: b.TempDir(), Sync: embedded.Lazy}, jetstream.Options{})
			nc := server.Conns().Events
			inbox := nc.NewInbox()
			came := make([]chan struct{}, publishers)
			for i := range came {
				came[i] = make(chan struct{}, 1)
			}
			sub, err := nc.Subscribe(inbox+".*", func(m *nats.Msg) {
				i, _ := strconv.Atoi(m.Subject[len(inbox)+1:])
				came[i] <- struct{}{}
			})
			if err != nil {
				b.Fatal(err)
			}
			if err := sub.SetPendingLimits(-1, -1); err != nil {
				b.Fatal(err)
			}
			data := bytes.Repeat([]byte("x"), 1024)
			var next atomic.Int64
			var all sync.WaitGroup
			b.ReportAllocs()
			b.ResetTimer()
			for i := range publishers {
				all.Go(func() {
					reply := inbox + "." + itoa(i)
					for next.Add(1) <= int64(b.N) {
						if err := nc.PublishRequest("hookspan.events.shop", reply, data); err != nil {
							b.Error(err)
							return
						}
						<-came[i]
					}
				})
			}
			all.Wait()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
		})
	}
}

// BenchmarkClusterPublish measures the same on three servers, beside the client library's own
// asynchronous publishing of a message without headers.
func BenchmarkClusterPublish(b *testing.B) {
	const publishers = 256
	cluster := natstest.Start(b, 3, natstest.Config{})
	store, admin := remoteIn(b, cluster, jetstream.Options{})
	b.Run("store", func(b *testing.B) { benchPublish(b, store, publishers) })
	js, err := natsjs.New(admin, natsjs.WithPublishAsyncMaxPending(publishers))
	if err != nil {
		b.Fatal(err)
	}
	b.Run("bare", func(b *testing.B) {
		data := bytes.Repeat([]byte("x"), 1024)
		var next atomic.Int64
		var all sync.WaitGroup
		b.ReportAllocs()
		b.ResetTimer()
		for range publishers {
			all.Go(func() {
				for next.Add(1) <= int64(b.N) {
					ack, err := js.PublishAsync("hookspan.events.shop", data)
					if err != nil {
						b.Error(err)
						return
					}
					select {
					case <-ack.Ok():
					case err := <-ack.Err():
						b.Error(err)
						return
					}
				}
			})
		}
		all.Wait()
		b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
	})
}
