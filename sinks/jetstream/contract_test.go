package jetstream_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/bus/bustest"
	"github.com/hookspan/hookspan/sinks/jetstream"
	"github.com/hookspan/hookspan/sinks/jetstream/embedded"
	"github.com/hookspan/hookspan/sinks/jetstream/natstest"
)

func TestContract(t *testing.T) {
	t.Parallel()
	bustest.Run(t, func(t *testing.T) bus.Store {
		store, _ := openStore(t, embedded.Options{}, jetstream.Options{})
		return store
	})
}

func TestPrivateContract(t *testing.T) {
	t.Parallel()
	bustest.Private(t, func(t *testing.T) bustest.Site {
		s, _ := server(t)
		half := jetstream.Options{Disk: s, EventStore: s.EventStore() / 2, PrivateStore: s.PrivateStore() / 2}
		return siteOf(t, s.Conns(), half)
	})
}

func TestPrivateContractOnOneServer(t *testing.T) {
	t.Parallel()
	s := natstest.Start(t, 1, natstest.Config{})
	bustest.Private(t, func(t *testing.T) bustest.Site {
		_, _, conns := administered(t, s)
		return siteOf(t, conns, jetstream.Options{})
	})
}

// siteOf is a bus on which two installations are opened.
func siteOf(t *testing.T, conns jetstream.Conns, o jetstream.Options) bustest.Site {
	return bustest.Site{
		Own: "hookspan", Other: "other",
		Open: func(namespace string, topics ...string) (bus.Store, error) {
			o := o
			o.Namespace, o.Topics = namespace, topics
			store, err := jetstream.Open(within(t), conns, o)
			if err == nil {
				t.Cleanup(func() { store.Close() })
			}
			return store, err
		},
		Below: func(namespace string) string { return namespace + ".>" },
		Alone: func(topic string) []string {
			switch _, what, _ := strings.Cut(topic, "."); what {
			case "state", "journal":
				return []string{topic + ".>", topic + ".*", topic + ".3"}
			}
			return []string{topic}
		},
	}
}

// The chain would notice by itself; that the server refuses spares the log the record.
func TestARecordThatDoesNotFollowIsRefused(t *testing.T) {
	t.Parallel()
	store, _ := openStore(t, embedded.Options{}, jetstream.Options{})
	log := bus.LogName{Kind: bus.State, Shard: 3}
	first, err := store.Append(within(t), log, bus.Record{Prev: bus.NoPosition})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := store.Append(within(t), bus.LogName{Kind: bus.State, Shard: 4}, bus.Record{Prev: bus.NoPosition}); err != nil {
		t.Errorf("the first record of another shard: %v", err)
	}
	for _, prev := range []int64{bus.NoPosition, first + 1, first + 100} {
		if _, err := store.Append(within(t), log, bus.Record{Prev: prev}); !errors.Is(err, bus.ErrRefused) {
			t.Errorf("a record behind %d when the last is %d: %v, want ErrRefused", prev, first, err)
		}
	}
	if _, err := store.Append(within(t), log, bus.Record{Prev: first}); err != nil {
		t.Errorf("a record that follows: %v", err)
	}
}
