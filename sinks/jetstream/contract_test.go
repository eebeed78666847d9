package jetstream_test

import (
	"errors"
	"testing"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/bus/bustest"
	"github.com/hookspan/hookspan/sinks/jetstream"
	"github.com/hookspan/hookspan/sinks/jetstream/embedded"
)

func TestContract(t *testing.T) {
	t.Parallel()
	bustest.Run(t, func(t *testing.T) bus.Store {
		store, _ := openStore(t, embedded.Options{}, jetstream.Options{})
		return store
	})
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
