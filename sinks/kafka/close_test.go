package kafka_test

import (
	"errors"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"go.uber.org/goleak"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/sinks/kafka"
)

// It is not parallel: no other test's goroutines come and go meanwhile.
func TestCloseEndsEverything(t *testing.T) {
	before := goleak.IgnoreCurrent()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(3))
	if err != nil {
		t.Fatal(err)
	}
	store, err := kafka.Open(t.Context(), kafka.Options{Brokers: cluster.ListenAddrs(), Intake: []string{shop}, Partitions: 1, Shards: 2})
	if err != nil {
		t.Fatal(err)
	}
	sp := spans(t, store)[shop+"/0"]
	ended, waiting := make(chan error, 3), make(chan struct{}, 10)
	go func() {
		ended <- store.Follow(t.Context(), sp.Partition, front(sp), func([]bus.Message) error {
			waiting <- struct{}{}
			return nil
		})
	}()
	go func() {
		ended <- store.FollowJournal(t.Context(), []int64{bus.NoPosition, bus.NoPosition}, func(int, int64, []byte) error {
			waiting <- struct{}{}
			return nil
		})
	}()
	go func() {
		ended <- store.FollowPublished(t.Context(), time.Now().Add(-time.Minute), func(bus.Publication) error {
			waiting <- struct{}{}
			return nil
		})
	}()
	<-waiting // followed to its end
	if _, err := store.AppendJournal(within(t), 1, []byte("attempt")); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Publish(within(t), shop, order("1"), bus.PublishOptions{Key: "1"}); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		<-waiting
	}
	if err := errors.Join(store.Close(), store.Close()); err != nil {
		t.Error(err)
	}
	for range 3 {
		if err := <-ended; !errors.Is(err, bus.ErrUnavailable) {
			t.Errorf("following ended with %v, want ErrUnavailable", err)
		}
	}
	if _, err := store.Publish(within(t), shop, order("2"), bus.PublishOptions{}); !errors.Is(err, bus.ErrUnavailable) {
		t.Errorf("publish: %v, want ErrUnavailable", err)
	}
	cluster.Close()
	goleak.VerifyNone(t, before)
}
