package kafka_test

import (
	"crypto/rand"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/bus/bustest"
	"github.com/hookspan/hookspan/sinks/kafka"
)

func TestContract(t *testing.T) {
	t.Parallel()
	bustest.Run(t, func(t *testing.T) bus.Store {
		cluster := newCluster(t)
		return openStore(t, kafka.Options{Brokers: cluster.ListenAddrs(), Intake: []string{bustest.Topic}, Partitions: 1, Shards: 20, Alerts: true})
	})
}

// TestContractOnKafka runs on the brokers that HOOKSPAN_TEST_KAFKA names (host:port,…), where
// it names some. HOOKSPAN_TEST_KAFKA_REQUIRED=1 says that it has to.
func TestContractOnKafka(t *testing.T) {
	t.Parallel()
	brokers := realBrokers(t)
	if len(brokers) == 0 {
		return
	}
	bustest.Run(t, func(t *testing.T) bus.Store {
		return openFresh(t, brokers, kafka.Options{Partitions: 1, Shards: 20, Alerts: true})
	})
}

func TestPrivateContract(t *testing.T) {
	t.Parallel()
	bustest.Private(t, func(t *testing.T) bustest.Site {
		return siteOf(t, "hookspan", "other", newCluster(t).ListenAddrs())
	})
}

func TestPrivateContractOnKafka(t *testing.T) {
	t.Parallel()
	brokers := realBrokers(t)
	if len(brokers) == 0 {
		return
	}
	bustest.Private(t, func(t *testing.T) bustest.Site {
		own := "t" + strings.ToLower(rand.Text())
		t.Cleanup(func() { deleteTopics(t, brokers, own) })
		return siteOf(t, own, own+"-other", brokers)
	})
}

// siteOf are brokers on which two installations are opened.
func siteOf(t *testing.T, own, other string, brokers []string) bustest.Site {
	return bustest.Site{
		Own: own, Other: other,
		Open: func(namespace string, topics ...string) (bus.Store, error) {
			store, err := kafka.Open(t.Context(), kafka.Options{
				Brokers: brokers, Namespace: namespace, Topics: topics, Intake: []string{namespace + ".events.shop"},
				Partitions: 1, Shards: 4, Alerts: true,
			})
			if err == nil {
				t.Cleanup(func() { store.Close() })
			}
			return store, err
		},
		Below: func(namespace string) string { return "/^" + regexp.QuoteMeta(namespace+".") + "/" },
		Alone: func(topic string) []string { return []string{topic, "/^" + regexp.QuoteMeta(topic) + "$/"} },
	}
}

func TestSharedContract(t *testing.T) {
	t.Parallel()
	bustest.Shared(t, func(t *testing.T) (a, b bustest.SharedStore) {
		cluster := newCluster(t, kfake.NumBrokers(3))
		return open(t, cluster, kafka.Options{Shards: 20}), open(t, cluster, kafka.Options{Shards: 10})
	})
}

func TestSharedContractOnKafka(t *testing.T) {
	t.Parallel()
	brokers := realBrokers(t)
	if len(brokers) == 0 {
		return
	}
	bustest.Shared(t, func(t *testing.T) (a, b bustest.SharedStore) {
		o := kafka.Options{Partitions: 1, Shards: 20}
		first := openFresh(t, brokers, o)
		o.Brokers, o.Namespace, o.Intake = brokers, strings.TrimSuffix(first.topic, ".events.shop"), []string{first.topic}
		return first, fresh{openStore(t, o), first.topic}
	})
}

// A fresh store is on brokers that others use, too: its events have topics of their own.
type fresh struct {
	*kafka.Store
	topic string
}

// Topic is where bustest publishes.
func (f fresh) Topic() string { return f.topic }

// openFresh opens a store in a namespace of its own, whose topics are deleted in the end.
func openFresh(t testing.TB, brokers []string, o kafka.Options) fresh {
	t.Helper()
	o.Brokers, o.Namespace = brokers, "t"+strings.ToLower(rand.Text())
	f := fresh{topic: o.Namespace + ".events.shop"}
	o.Intake = []string{f.topic}
	t.Cleanup(func() { deleteTopics(t, brokers, o.Namespace+".") })
	f.Store = openStore(t, o)
	return f
}

// realBrokers are those of HOOKSPAN_TEST_KAFKA.
func realBrokers(t testing.TB) []string {
	t.Helper()
	list := os.Getenv("HOOKSPAN_TEST_KAFKA")
	if list == "" && os.Getenv("HOOKSPAN_TEST_KAFKA_REQUIRED") == "1" {
		t.Fatal("HOOKSPAN_TEST_KAFKA names no broker and HOOKSPAN_TEST_KAFKA_REQUIRED wants one")
	}
	if list == "" {
		return nil
	}
	return strings.Split(list, ",")
}
