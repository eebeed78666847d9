package kafka_test

import (
	"context"
	"encoding/binary"
	"errors"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/sinks/kafka"
	"github.com/hookspan/hookspan/sinks/kafka/kafkatest"
)

// A mute is a broker that, while it is on, answers no produce request with an event of the
// first process that sends one, whether or not it stores the event.
type mute struct {
	t      *testing.T
	c      *cluster
	client *kgo.Client
	stores bool
	on     atomic.Bool
	inner  atomic.Bool  // the request is ours
	whose  atomic.Int64 // producer id
}

var errMute = errors.New("no answer")

func newMute(t *testing.T, c *cluster, stores bool) *mute {
	m := &mute{t: t, c: c, client: c.client(t), stores: stores}
	m.on.Store(true)
	m.whose.Store(-1)
	// Words go to four partitions: one at least is led by a broker that answers.
	if err := c.MoveTopicPartition("hookspan.seen", 0, (c.LeaderFor(shop, 0)+1)%3); err != nil {
		t.Fatal(err)
	}
	c.ControlKey(int16(kmsg.Produce), func(r kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		req := r.(*kmsg.ProduceRequest)
		if !m.on.Load() || m.inner.Load() || !m.concerns(req) {
			return nil, nil, false
		}
		if m.stores {
			node, again := c.CurrentNode(), copyOf(t, r)
			m.inner.Store(true)
			c.SleepControl(func() {
				if _, err := m.client.Broker(int(node)).Request(t.Context(), again); err != nil && t.Context().Err() == nil {
					t.Errorf("store the event: %v", err)
				}
			})
			m.inner.Store(false)
		}
		return nil, errMute, true
	})
	return m
}

// concerns reports whether a request has an event of the process.
func (m *mute) concerns(req *kmsg.ProduceRequest) bool {
	const producerAt = 43 // Kafka protocol, "Record Batch"
	for _, topic := range req.Topics {
		if topic.Topic != shop && topic.TopicID != m.c.TopicInfo(shop).TopicID {
			continue
		}
		for _, p := range topic.Partitions {
			id := int64(binary.BigEndian.Uint64(p.Records[producerAt:]))
			if m.whose.CompareAndSwap(-1, id) || m.whose.Load() == id {
				return true
			}
		}
	}
	return false
}

// stored are the ids of the events that the topic has.
func (m *mute) stored(s *kafka.Store) (ids []string) {
	m.t.Helper()
	for _, sp := range spans(m.t, s) {
		for seq := sp.First; seq <= sp.End.Seq; seq++ {
			msg, err := s.Get(within(m.t), sp.Partition, bus.Position{Identity: sp.Identity, Seq: seq})
			if err != nil {
				m.t.Fatal(err)
			}
			ids = append(ids, msg.Event.ID)
		}
	}
	return ids
}

// hearing has stores hear what each of them publishes, and returns once they do.
func hearing(t *testing.T, stores ...*kafka.Store) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	var all sync.WaitGroup
	t.Cleanup(func() { stop(); all.Wait() })
	for _, s := range stores {
		all.Go(func() {
			_ = s.FollowPublished(ctx, time.Now().Add(-time.Minute), func(bus.Publication) error { return nil })
		})
	}
}

// patient publishes until that is done, as a sender does that is told to try again.
func patient(t *testing.T, s *kafka.Store) bus.Receipt {
	t.Helper()
	ctx := within(t)
	for {
		r, err := s.Publish(ctx, shop, order("1"), bus.PublishOptions{Key: "one"})
		if err == nil {
			return r
		}
		if !errors.Is(err, bus.ErrUnavailable) || ctx.Err() != nil {
			t.Fatal(err)
		}
	}
}

// inDoubt has a first store publish an event that is not acknowledged, and returns once all
// know of it.
func inDoubt(t *testing.T, first *kafka.Store, others ...*kafka.Store) {
	t.Helper()
	if _, err := first.Publish(within(t), shop, order("1"), bus.PublishOptions{Key: "one"}); !errors.Is(err, bus.ErrUnavailable) {
		t.Fatalf("without an acknowledgement: %v", err)
	}
	for _, s := range append(others, first) {
		await(t, "the others know", func(context.Context) error {
			if !s.Contested("one") {
				return errors.New("one does not")
			}
			return nil
		})
	}
}

// An event whose acknowledgement is missing is published by nobody else before it is known
// what became of it, and then it is a repeat.
func TestWhatIsInDoubtIsSettledFirst(t *testing.T) {
	t.Parallel()
	for name, stores := range map[string]bool{"it had landed": true, "it lands later": false} {
		t.Run(name, func(t *testing.T) {
			kafkatest.InBubble(t, func(t *testing.T) {
				cluster := newBubbled(t, kfake.NumBrokers(3))
				o := kafka.Options{PublishTimeout: time.Second}
				a, b := open(t, cluster, o), open(t, cluster, o)
				hearing(t, a, b)
				m := newMute(t, cluster, stores)
				inDoubt(t, a, b)
				for _, s := range []*kafka.Store{a, b} {
					r, err := s.Publish(within(t), shop, order("1"), bus.PublishOptions{Key: "one"})
					found := stores && err == nil && r.Repeated // sooner than by its answer
					if !found && !errors.Is(err, bus.ErrUnavailable) {
						t.Errorf("while it is in doubt: %v, %v", r, err)
					}
				}
				if _, err := b.Publish(within(t), shop, order("2"), bus.PublishOptions{Key: "two"}); err != nil {
					t.Errorf("another one: %v", err)
				}
				m.on.Store(false)
				for _, s := range []*kafka.Store{a, b} {
					if r := patient(t, s); !r.Repeated {
						t.Errorf("it was published again: %v", r)
					}
				}
				n := 0
				for _, id := range m.stored(b) {
					if id == "1" {
						n++
					}
				}
				if n != 1 {
					t.Errorf("it is there %d times", n)
				}
			})
		})
	}
}

// Of a process that is gone the others find out themselves what became of its events, and one
// of them publishes what did not land.
func TestWhatAProcessLeftInDoubt(t *testing.T) {
	t.Parallel()
	for name, stores := range map[string]bool{"it had landed": true, "it is lost": false} {
		t.Run(name, func(t *testing.T) {
			kafkatest.InBubble(t, func(t *testing.T) {
				cluster := newBubbled(t, kfake.NumBrokers(3))
				o := kafka.Options{PublishTimeout: 500 * time.Millisecond}
				a, b, c := open(t, cluster, o), open(t, cluster, o), open(t, cluster, o)
				hearing(t, a, b, c)
				m := newMute(t, cluster, stores)
				inDoubt(t, a, b, c)
				if err := a.Close(); err != nil {
					t.Fatal(err)
				}
				receipts := make([]bus.Receipt, 2)
				var all sync.WaitGroup
				for i, s := range []*kafka.Store{b, c} {
					all.Go(func() { receipts[i] = patient(t, s) })
				}
				all.Wait()
				for _, r := range receipts { // who published what is lost may not have had the answer in time either
					if stores && !r.Repeated {
						t.Errorf("it was published again: %v", r)
					}
				}
				if got := m.stored(b); len(got) != 1 {
					t.Errorf("stored are %v", got)
				}
			})
		})
	}
}

// Brokers that are slow are no reason to claim every id, which would make them slower: a claim
// has to come back before its event is sent.
func TestSlowBrokersAreAskedOnce(t *testing.T) {
	kafkatest.InBubble(t, func(t *testing.T) {
		const trip, timeout = 700 * time.Millisecond, 3 * time.Second
		cluster := newBubbled(t, kfake.NumBrokers(3))
		o, later := cluster.far(kafka.Options{Intake: []string{shop}, Partitions: 1, Shards: 2, PublishTimeout: timeout})
		store := openStore(t, o)
		hearing(t, store)
		patient(t, store) // what it takes to connect
		later.Store(int64(trip))
		next := time.NewTicker(100 * time.Millisecond)
		defer next.Stop()
		var all sync.WaitGroup
		for n := range 30 {
			all.Go(func() {
				began := time.Now()
				id := strconv.Itoa(n)
				if _, err := store.Publish(within(t), shop, order(id), bus.PublishOptions{Key: id}); err != nil {
					t.Error(err)
				}
				// The event waits for the one that is on its way, and has a marker behind it.
				if took := time.Since(began); took > 3*trip+trip/2 {
					t.Errorf("publish %d took %v, with a trip of %v", n, took, trip)
				}
			})
			<-next.C
		}
		all.Wait()
	})
}
