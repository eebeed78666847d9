package kafka_test

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"sync"
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/sinks/kafka"
	"github.com/hookspan/hookspan/sinks/kafka/kafkatest"
)

// A listener follows one partition in the background.
type listener struct {
	t    testing.TB
	came chan string // ids, one by one; follow sends, and closes when it ends
	err  error       // of Follow; written before came is closed
	stop context.CancelFunc
}

func listen(t testing.TB, s *kafka.Store, p bus.Partition, after bus.Position) *listener {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	l := &listener{t: t, came: make(chan string, 100_000), stop: stop}
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer close(l.came)
		l.err = s.Follow(ctx, p, after, func(batch []bus.Message) error {
			for _, m := range batch {
				l.came <- m.Event.ID
			}
			return nil
		})
	}()
	t.Cleanup(func() { stop(); <-done })
	return l
}

// expect waits for ids in order.
func (l *listener) expect(ids ...string) {
	l.t.Helper()
	ctx := within(l.t)
	for _, want := range ids {
		select {
		case got, ok := <-l.came:
			if !ok {
				l.t.Fatalf("following ended with %v before %s", l.err, want)
			}
			if got != want {
				l.t.Fatalf("came %s, want %s", got, want)
			}
		case <-ctx.Done():
			l.t.Fatalf("%s did not come", want)
		}
	}
}

// end waits until following has ended.
func (l *listener) end() error {
	l.t.Helper()
	ctx := within(l.t)
	for {
		select {
		case _, ok := <-l.came:
			if !ok {
				return l.err
			}
		case <-ctx.Done():
			l.t.Fatal("following does not end")
		}
	}
}

func numbers(from, to int) (ids []string) {
	for n := from; n <= to; n++ {
		ids = append(ids, strconv.Itoa(n))
	}
	return ids
}

func TestFollowingOutlivesLeadersThatMove(t *testing.T) {
	kafkatest.InBubble(t, followingOutlivesLeadersThatMove)
}

func followingOutlivesLeadersThatMove(t *testing.T) {
	cluster := newBubbled(t, kfake.NumBrokers(3))
	store := open(t, cluster, kafka.Options{})
	l := listen(t, store, shop+"/0", front(spans(t, store)[shop+"/0"]))
	for n := range 12 {
		publish(t, store, numbers(10*n, 10*n+4)...)
		if n%4 == 3 {
			cluster.ShufflePartitionLeaders()
		} else if err := cluster.MoveTopicPartition(shop, 0, int32(n%3)); err != nil {
			t.Fatal(err)
		}
		publish(t, store, numbers(10*n+5, 10*n+9)...)
		l.expect(numbers(10*n, 10*n+9)...)
	}
	sp := spans(t, store)[shop+"/0"]
	m, err := store.Get(within(t), sp.Partition, sp.End)
	if err != nil || m.Position != sp.End || m.Event.ID != "119" {
		t.Errorf("the span ends at %v, there is %v, %v", sp.End, m.Position, err)
	}
	if sp.End.Mark < 2 {
		t.Errorf("the mark is %d after so many leaders", sp.End.Mark)
	}
}

// Marks are those of the batch that an event came in, whoever leads now.
func TestPositionsHoldUnderLaterLeaders(t *testing.T) {
	t.Parallel()
	cluster := newCluster(t, kfake.NumBrokers(3))
	store := open(t, cluster, kafka.Options{})
	first := spans(t, store)[shop+"/0"]
	var ends []bus.Position
	for n := range 4 {
		publish(t, store, strconv.Itoa(n))
		ends = append(ends, spans(t, store)[shop+"/0"].End)
		if err := cluster.MoveTopicPartition(shop, 0, int32((n+1)%3)); err != nil {
			t.Fatal(err)
		}
	}
	for n, at := range ends {
		if n > 0 && at.Mark <= ends[n-1].Mark {
			t.Errorf("marks %d and %d of two leaders", ends[n-1].Mark, at.Mark)
		}
		if m, err := store.Get(within(t), shop+"/0", at); err != nil || m.Event.ID != strconv.Itoa(n) || m.Position != at {
			t.Errorf("event %d at %v: %v, %v", n, at, m.Position, err)
		}
		listen(t, store, shop+"/0", at).expect(numbers(n+1, 3)...)
		wrong := at
		wrong.Mark += 7
		if err := listen(t, store, shop+"/0", wrong).end(); !errors.Is(err, bus.ErrCutBack) {
			t.Errorf("with mark %d instead of %d following returned %v, want ErrCutBack", wrong.Mark, at.Mark, err)
		}
		if n == len(ends)-1 {
			break // that nothing came in a later epoch, only real brokers tell
		}
		if to, err := store.Intact(within(t), shop+"/0", bus.Position{Identity: at.Identity, Seq: at.Seq + 10, Mark: at.Mark}); err != nil || to != at {
			t.Errorf("up to mark %d intact is %v, %v, want %v", at.Mark, to, err, at)
		}
	}
	if to, err := store.Intact(within(t), shop+"/0", bus.Position{Identity: first.Identity, Seq: 3}); err != nil || to != front(first) {
		t.Errorf("without a mark intact is %v, %v, want %v", to, err, front(first))
	}
}

func TestARecreatedTopicEndsFollowing(t *testing.T) {
	kafkatest.InBubble(t, aRecreatedTopicEndsFollowing)
}

func aRecreatedTopicEndsFollowing(t *testing.T) {
	cluster := newBubbled(t, kfake.NumBrokers(3))
	store := open(t, cluster, kafka.Options{})
	before := spans(t, store)[shop+"/0"]
	l := listen(t, store, shop+"/0", front(before))
	old := publish(t, store, "1", "2")[1]
	l.expect("1", "2")
	if err := cluster.DeleteTopic(shop); err != nil {
		t.Fatal(err)
	}
	if err := cluster.CreateTopic(shop, 1, nil); err != nil {
		t.Fatal(err)
	}
	if err := l.end(); !errors.Is(err, bus.ErrRecreated) {
		t.Errorf("following returned %v, want ErrRecreated", err)
	}
	r := publish(t, store, "3")[0]
	after := spans(t, store)[shop+"/0"]
	if after.Identity == before.Identity || r.Position.Identity != after.Identity || r.Position.Seq != 0 {
		t.Errorf("it was %v, is %v, the receipt says %v", before, after, r)
	}
	listen(t, store, shop+"/0", front(after)).expect("3")
	if _, err := store.Get(within(t), shop+"/0", old.Position); !errors.Is(err, bus.ErrGone) {
		t.Errorf("an event of the old topic: %v, want ErrGone", err)
	}
}

// Several places of one partition are read side by side: at the tail and far behind it.
func TestManyFollowOnePartition(t *testing.T) {
	t.Parallel()
	cluster := newCluster(t, kfake.NumBrokers(3))
	store := open(t, cluster, kafka.Options{})
	at := front(spans(t, store)[shop+"/0"])
	var all []*listener
	for n := range 5 {
		all = append(all, listen(t, store, shop+"/0", at))
		for _, r := range publish(t, store, numbers(20*n, 20*n+19)...) {
			at.Seq = r.Position.Seq
		}
	}
	for n, l := range all {
		l.expect(numbers(20*n, 99)...)
	}
	all[0].stop()
	publish(t, store, "100")
	for _, l := range all[1:] {
		l.expect("100")
	}
}

// A receiver that does not keep up loses its place at the tail, and nothing else.
func TestASlowReceiverMissesNothing(t *testing.T) {
	t.Parallel()
	cluster := newCluster(t)
	store := open(t, cluster, kafka.Options{})
	sp := spans(t, store)[shop+"/0"]
	const n = 32 // pages, four times as many as wait for a reader
	atEnd, busy, free := make(chan struct{}), make(chan struct{}), make(chan struct{})
	reached := sync.OnceFunc(func() { close(atEnd) })
	var got []string
	followed := make(chan error, 1)
	go func() {
		followed <- store.Follow(within(t), sp.Partition, front(sp), func(batch []bus.Message) error {
			reached() // from here on it hears from the tail
			for _, m := range batch {
				if got = append(got, m.Event.ID); len(got) == 1 {
					close(busy)
					<-free
				}
			}
			if len(got) == n {
				return errEnough
			}
			return nil
		})
	}()
	<-atEnd
	quick := listen(t, store, sp.Partition, front(sp))
	for i := range n { // one by one, so that each is a page
		publish(t, store, strconv.Itoa(i))
		quick.expect(strconv.Itoa(i))
	}
	<-busy
	close(free)
	if err := <-followed; !errors.Is(err, errEnough) {
		t.Fatal(err)
	}
	if want := numbers(0, n-1); !slices.Equal(got, want) {
		t.Errorf("came %v, want %v", got, want)
	}
}

func TestATrimmedFrontIsSkipped(t *testing.T) {
	t.Parallel()
	cluster := newCluster(t)
	store := open(t, cluster, kafka.Options{})
	sp := spans(t, store)[shop+"/0"]
	l := listen(t, store, sp.Partition, front(sp))
	receipts := publish(t, store, numbers(0, 9)...)
	l.expect(numbers(0, 9)...)
	if err := store.PurgeEvents(within(t), sp.Partition, receipts[6].Position.Seq); err != nil {
		t.Fatal(err)
	}
	listen(t, store, sp.Partition, front(sp)).expect("7", "8", "9")
	publish(t, store, "10")
	l.expect("10")
	if err := store.PurgeEvents(within(t), sp.Partition, receipts[9].Position.Seq+100); err != nil {
		t.Fatal(err)
	}
	if sp = spans(t, store)[shop+"/0"]; sp.First != sp.End.Seq+1 || sp.First != receipts[9].Position.Seq+2 {
		t.Errorf("purged to the end the span is %v", sp)
	}
	publish(t, store, "11")
	l.expect("11")
}
