package kafka_test

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/sinks/kafka"
	"github.com/hookspan/hookspan/sinks/kafka/kafkatest"
)

// A stayer is a broker in a bubble that keeps its address and its data.
type stayer struct {
	*cluster
	t   *testing.T
	dir string
}

func newStayer(t *testing.T) *stayer {
	t.Helper()
	s := &stayer{cluster: &cluster{memory: &kafkatest.Memory{}}, t: t, dir: t.TempDir()}
	s.start()
	return s
}

func (s *stayer) start() {
	s.t.Helper()
	s.cluster = runCluster(s.t, s.memory, kfake.Ports(9092), kfake.DataDir(s.dir))
}

// await tries until it works.
func await(t *testing.T, what string, try func(ctx context.Context) error) {
	t.Helper()
	ctx := within(t)
	for {
		err := try(ctx)
		if err == nil {
			return
		}
		if ctx.Err() != nil {
			t.Fatalf("%s: %v", what, err)
		}
		wait, cancel := context.WithTimeout(ctx, 20*time.Millisecond)
		<-wait.Done()
		cancel()
	}
}

// A broker that goes and comes back: errors in time meanwhile, and then everything goes on by
// itself, with nothing lost that had been acknowledged.
func TestABrokerGoesAndComesBack(t *testing.T) { kafkatest.InBubble(t, aBrokerGoesAndComesBack) }

func aBrokerGoesAndComesBack(t *testing.T) {
	broker := newStayer(t)
	store := open(t, broker.cluster, kafka.Options{PublishTimeout: time.Second})
	sp := spans(t, store)[shop+"/0"]
	l := listen(t, store, sp.Partition, front(sp))
	heard, journaled := make(chan string, 100), make(chan string, 100)
	go func() {
		_ = store.FollowPublished(t.Context(), time.Now().Add(-time.Minute), func(p bus.Publication) error {
			heard <- p.ID
			return nil
		})
	}()
	go func() {
		_ = store.FollowJournal(t.Context(), []int64{bus.NoPosition, bus.NoPosition}, func(_ int, _ int64, data []byte) error {
			journaled <- string(data)
			return nil
		})
	}()
	chain := bus.NewChain(store, bus.LogName{Kind: bus.State, Shard: 1})
	for round := range 3 {
		id := "before " + strconv.Itoa(round)
		if _, err := store.Publish(within(t), shop, order(id), bus.PublishOptions{Key: id}); err != nil {
			t.Fatal(err)
		}
		for got := ""; got != id; { // what was not acknowledged may have landed all the same
			if got = receive(t, l.came); got != id && got != "unknown" {
				t.Errorf("came %s, want %s", got, id)
			}
		}
		if got := receive(t, heard); got != id {
			t.Errorf("heard of %s, want %s", got, id)
		}
		broker.Close()
		began := time.Now()
		if _, err := store.Publish(within(t), shop, order("unknown"), bus.PublishOptions{}); !errors.Is(err, bus.ErrUnavailable) {
			t.Errorf("publish without a broker: %v", err)
		}
		if took := time.Since(began); took > 12*time.Second {
			t.Errorf("it took %v to say so", took)
		}
		await(t, "health without a broker", func(ctx context.Context) error {
			if err := store.Health(ctx); !errors.Is(err, bus.ErrUnavailable) {
				return errors.New("it is said to be fine")
			}
			return nil
		})
		broker.start()
		await(t, "health", store.Health)
		if _, err := store.AppendJournal(within(t), 0, []byte(id)); err != nil {
			await(t, "journal", func(ctx context.Context) error {
				_, err := store.AppendJournal(ctx, 0, []byte(id))
				return err
			})
		}
		for receive(t, journaled) != id {
		}
		if _, err := chain.Append(within(t), []byte(id)); err != nil {
			t.Fatal(err)
		}
	}
	got := 0
	if err := bus.NewChain(store, bus.LogName{Kind: bus.State, Shard: 1}).Read(within(t), func(bus.Record) error { got++; return nil }); err != nil || got != 3 {
		t.Errorf("the state has %d records, %v", got, err)
	}
}

func receive(t *testing.T, from <-chan string) string {
	t.Helper()
	select {
	case got := <-from:
		return got
	case <-within(t).Done():
		t.Fatal("nothing came")
		return ""
	}
}

// While leaders move about, whatever was acknowledged is followed exactly once and in order.
func TestNothingIsLostWhileLeadersMove(t *testing.T) {
	kafkatest.InBubble(t, nothingIsLostWhileLeadersMove)
}

func nothingIsLostWhileLeadersMove(t *testing.T) {
	cluster := newBubbled(t, kfake.NumBrokers(3))
	store := open(t, cluster, kafka.Options{Partitions: 3})
	done := make(chan struct{})
	var mover sync.WaitGroup
	mover.Go(func() {
		for {
			select {
			case <-done:
				return
			case <-time.After(20 * time.Millisecond):
				cluster.ShufflePartitionLeaders()
			}
		}
	})
	var mu sync.Mutex
	acked, seen := map[string]bool{}, map[string]int{}
	var writers sync.WaitGroup
	for w := range 8 {
		writers.Go(func() {
			for i := range 100 {
				id := strconv.Itoa(w) + "/" + strconv.Itoa(i)
				if _, err := store.Publish(within(t), shop, order(id), bus.PublishOptions{}); err == nil {
					mu.Lock()
					acked[id] = true
					mu.Unlock()
				}
			}
		})
	}
	var followers sync.WaitGroup
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	for p, sp := range spans(t, store) {
		followers.Go(func() {
			_ = store.Follow(ctx, p, front(sp), func(batch []bus.Message) error {
				mu.Lock()
				defer mu.Unlock()
				for _, m := range batch {
					seen[m.Event.ID]++
				}
				return nil
			})
		})
	}
	writers.Wait()
	close(done)
	mover.Wait()
	await(t, "followed", func(context.Context) error {
		mu.Lock()
		defer mu.Unlock()
		for id := range acked {
			if seen[id] == 0 {
				return errors.New(id + " is missing")
			}
		}
		return nil
	})
	stop()
	followers.Wait()
	for id, n := range seen {
		if n != 1 {
			t.Errorf("%s came %d times", id, n)
		}
	}
	if len(acked) < 700 {
		t.Errorf("only %d of 800 were acknowledged", len(acked))
	}
}

func TestHealth(t *testing.T) { kafkatest.InBubble(t, health) }

func health(t *testing.T) {
	cluster := newBubbled(t, kfake.NumBrokers(3))
	store := open(t, cluster, kafka.Options{})
	if err := store.Health(within(t)); err != nil {
		t.Error(err)
	}
	fault := cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Metadata}, Topic: "hookspan.state", Err: kerr.LeaderNotAvailable, Count: -1})
	await(t, "health of a topic without a leader", func(ctx context.Context) error {
		if err := store.Health(ctx); !errors.Is(err, bus.ErrUnavailable) || !strings.Contains(err.Error(), "hookspan.state") {
			return errors.New("it is said to be fine")
		}
		return nil
	})
	fault.Remove()
	await(t, "health", store.Health)
}

// An empty one would forget silently what was pending, or for whom.
func TestALogThatIsGoneIsSaidAndNotMadeAgain(t *testing.T) {
	t.Parallel()
	for lost, other := range map[string]string{"hookspan.state": "hookspan.registry", "hookspan.registry": "hookspan.state"} {
		t.Run(lost, func(t *testing.T) {
			t.Parallel()
			cluster := newCluster(t)
			store := open(t, cluster, kafka.Options{})
			for _, log := range []bus.LogName{{Kind: bus.State, Shard: 1}, {Kind: bus.Registry}} {
				if _, err := bus.NewChain(store, log).Append(within(t), []byte("a record")); err != nil {
					t.Fatal(err)
				}
			}
			if err := cluster.DeleteTopic(lost); err != nil {
				t.Fatal(err)
			}
			await(t, "health says that it is missing", func(ctx context.Context) error {
				if err := store.Health(ctx); !errors.Is(err, bus.ErrUnavailable) || !strings.Contains(err.Error(), lost) {
					return errors.New("it is said to be fine")
				}
				return nil
			})
			o := cluster.reach(kafka.Options{Intake: []string{shop}, Shards: 2})
			says := "topic " + lost + " is missing although " + other + " holds records"
			if _, err := kafka.Open(within(t), o); err == nil || errors.Is(err, bus.ErrUnavailable) || !strings.Contains(err.Error(), says) {
				t.Errorf("opened with %v, want %q", err, says)
			}
			if err := cluster.DeleteTopic(other); err != nil {
				t.Fatal(err)
			}
			openStore(t, o) // the remedy helps
		})
	}
}

// The next event makes its topic, unless that is refused.
func TestATopicThatIsGoneAndCannotBeMadeIsSaid(t *testing.T) {
	t.Parallel()
	cluster := newCluster(t)
	store := open(t, cluster, kafka.Options{})
	publish(t, store, "1")
	refuses := cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.CreateTopics}, Err: kerr.TopicAuthorizationFailed, Count: -1})
	if err := cluster.DeleteTopic(shop); err != nil {
		t.Fatal(err)
	}
	await(t, "health says that the topic cannot be made", func(ctx context.Context) error {
		if _, err := store.Publish(ctx, shop, order("2"), bus.PublishOptions{}); err == nil {
			t.Fatal("there is a topic")
		}
		if err := store.Health(ctx); !errors.Is(err, bus.ErrUnavailable) || !strings.Contains(err.Error(), "topic "+shop+" does not exist and may not be created") {
			return errors.New("it is said to be fine")
		}
		return nil
	})
	refuses.Remove()
	await(t, "an event is taken", func(ctx context.Context) error {
		_, err := store.Publish(ctx, shop, order("3"), bus.PublishOptions{})
		return err
	})
	await(t, "health", store.Health)
}

func TestExamine(t *testing.T) { kafkatest.InBubble(t, examine) }

func examine(t *testing.T) {
	cluster := newBubbled(t, kfake.NumBrokers(3))
	store := open(t, cluster, kafka.Options{})
	verdicts := func() map[string]bus.Finding {
		all := map[string]bus.Finding{}
		for _, f := range store.Examine(within(t)) {
			all[f.Subject] = f
		}
		return all
	}
	all := verdicts()
	for _, subject := range []string{"connection", "topic hookspan.state", "topic hookspan.seen", "topic " + shop, "followed topics", "clock"} {
		if f := all[subject]; f.Verdict != bus.Fine || f.Detail == "" || f.Remedy != "" {
			t.Errorf("%s: %+v", subject, f)
		}
	}
	if err := cluster.DeleteTopic("hookspan.state"); err != nil {
		t.Fatal(err)
	}
	if err := cluster.CreateTopic("hookspan.state", 1, nil); err != nil {
		t.Fatal(err)
	}
	if err := cluster.DeleteTopic("hookspan.seen"); err != nil {
		t.Fatal(err)
	}
	all = verdicts()
	for subject, part := range map[string]string{"topic hookspan.state": "it has 1 partitions and must have 2", "topic hookspan.seen": "does not exist"} {
		if f := all[subject]; f.Verdict != bus.Fault || !strings.Contains(f.Detail, part) || f.Remedy == "" {
			t.Errorf("%s: %+v", subject, f)
		}
	}
	cluster.Close()
	if all = verdicts(); all["connection"].Verdict != bus.Fault || all["connection"].Remedy == "" {
		t.Errorf("without a broker: %+v", all)
	}
}
