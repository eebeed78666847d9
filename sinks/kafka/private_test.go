package kafka_test

import (
	"slices"
	"testing"
	"time"

	"github.com/hookspan/hookspan/bridge/topic"
	"github.com/hookspan/hookspan/sinks/kafka"
	"github.com/hookspan/hookspan/sinks/kafka/kafkatest"
)

// Whoever follows everything on brokers that others use too gets events alone: those of another
// installation as well, and what it keeps beside them as little as what is our own, also when it
// comes later, or is copied from other brokers.
func TestEverythingIsFollowedButWhatIsNoEvent(t *testing.T) {
	kafkatest.InBubble(t, everythingIsFollowedButWhatIsNoEvent)
}

func everythingIsFollowedButWhatIsNoEvent(t *testing.T) {
	cluster := newBubbled(t)
	have := func(names ...string) {
		for _, name := range names {
			if err := cluster.CreateTopic(name, 1, nil); err != nil {
				t.Fatal(err)
			}
		}
	}
	have("orders", "orders.state", "orders.journal", "orders.registry")
	store := open(t, cluster, kafka.Options{Topics: []string{"/.*/"}})
	spans(t, store)
	openStore(t, cluster.reach(kafka.Options{Namespace: "later", Partitions: 1, Shards: 2, Alerts: true}))
	for _, what := range []string{"seen", "state", "registry", "commands", "journal", "refusals"} {
		have("eu.hookspan." + what)
	}
	<-time.After(10 * time.Second) // the topics are listed again
	want := slices.Concat([]string{"orders", "orders.state", "orders.journal", "orders.registry", shop}, topic.Own("hookspan"), topic.Own("later"))
	var got []string
	for p := range spans(t, store) {
		got = append(got, string(p[:len(p)-len("/0")]))
	}
	slices.Sort(want)
	if slices.Sort(got); !slices.Equal(got, want) {
		t.Errorf("followed are %q, want %q", got, want)
	}
}
