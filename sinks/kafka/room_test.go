package kafka_test

import (
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/sinks/kafka"
)

func TestTopicsOfOthersAreNotPurged(t *testing.T) {
	t.Parallel()
	cluster := newCluster(t)
	for _, topic := range []string{"orders", "hookspan.events.theirs"} {
		if err := cluster.CreateTopic(topic, 1, nil); err != nil {
			t.Fatal(err)
		}
		if err := cluster.client(t).ProduceSync(within(t), &kgo.Record{Topic: topic, Value: []byte("x")}).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	store := open(t, cluster, kafka.Options{Topics: []string{"orders", `/^hookspan\./`}})
	for _, p := range []bus.Partition{"orders/0", "hookspan.state/0", "hookspan.seen/0", "", "orders"} {
		if err := store.PurgeEvents(within(t), p, 0); err == nil {
			t.Errorf("%q was purged", p)
		}
	}
	if sp := spans(t, store)["orders/0"]; sp.First != 0 || sp.End.Seq != 0 {
		t.Errorf("theirs is %v", sp)
	}
	if err := store.PurgeEvents(within(t), "hookspan.events.theirs/0", 0); err != nil {
		t.Error(err)
	}
	for p := range spans(t, store) { // an expression finds ours only as far as they hold events
		if strings.HasPrefix(string(p), "hookspan.state") || strings.HasPrefix(string(p), "hookspan.journal") {
			t.Errorf("%s is followed", p)
		}
	}
}

// A broker that has not heard of a topic yet, and a coordinator that is only about to take its
// groups, are asked again.
func TestRoomAndNeedAreAskedAgain(t *testing.T) {
	t.Parallel()
	cluster := newCluster(t)
	store := open(t, cluster, kafka.Options{})
	publish(t, store, numbers(0, 9)...)
	behind := cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Metadata}, Topic: shop, Err: kerr.UnknownTopicOrPartition})
	if room, err := store.Room(within(t)); err != nil || room.Used == 0 {
		t.Errorf("room: %+v, %v", room, err)
	}
	moving := cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.ListGroups}, TopLevel: true, Err: kerr.UnknownServerError})
	if _, _, err := store.OthersNeed(within(t), shop+"/0"); err != nil {
		t.Errorf("need: %v", err)
	}
	if behind.Hits() == 0 || moving.Hits() == 0 {
		t.Errorf("broken were %d and %d answers", behind.Hits(), moving.Hits())
	}
}

// A consumer group of somebody else needs what it has not committed.
func TestOthersNeed(t *testing.T) {
	t.Parallel()
	cluster := newCluster(t)
	store := open(t, cluster, kafka.Options{})
	publish(t, store, numbers(0, 9)...)
	adm := kadm.NewClient(cluster.client(t))
	commit := func(group, topic string, at int64) {
		t.Helper()
		var offsets kadm.Offsets
		offsets.AddOffset(topic, 0, at, -1)
		if err := adm.CommitAllOffsets(within(t), group, offsets); err != nil {
			t.Fatal(err)
		}
	}
	commit("elsewhere", "hookspan.dead", 0)
	if at, some, err := store.OthersNeed(within(t), shop+"/0"); err != nil || some {
		t.Errorf("before anybody: %d %v %v", at, some, err)
	}
	commit("fast", shop, 9)
	commit("slow", shop, 4)
	if at, some, err := store.OthersNeed(within(t), shop+"/0"); err != nil || !some || at != 3 {
		t.Errorf("acknowledged up to %d (%v), %v, want 3", at, some, err)
	}
}
