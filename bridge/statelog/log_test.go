package statelog_test

import (
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/delivery"
	"github.com/hookspan/hookspan/bridge/event"
	"github.com/hookspan/hookspan/bridge/statelog"
	"github.com/hookspan/hookspan/sinks/jetstream"
	"github.com/hookspan/hookspan/sinks/jetstream/embedded"
)

// Deltas and snapshots fit a bus that takes little, whatever the texts in them take of it.
func TestRecordsFitTheBus(t *testing.T) {
	t.Parallel()
	log := slog.New(slog.DiscardHandler)
	inner, err := embedded.Open(t.Context(), embedded.Options{Dir: t.TempDir(), Sync: embedded.Lazy, MaxPayload: 64 << 10, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = inner.Close() }()
	store, err := jetstream.Open(t.Context(), inner.Conns(), jetstream.Options{EventStore: inner.EventStore(), PrivateStore: inner.PrivateStore(), Disk: inner, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = store.Close() }()
	open := func() *statelog.Log {
		l := statelog.New(store, 0, log, statelog.Sizes{SnapshotSlack: 1})
		if err := l.Load(t.Context()); err != nil {
			t.Fatal(err)
		}
		return l
	}
	l := open()
	if err := l.Claim(t.Context()); err != nil {
		t.Fatal(err)
	}
	hostile := strings.Repeat("<", event.MaxShort)
	delta := &statelog.Record{Positions: bus.Positions{"events": {Identity: "first", Seq: 100}}}
	var want []string
	for n := range 12 {
		id := fmt.Sprintf("dlv_%03d", n)
		want = append(want, id)
		delta.Put = append(delta.Put, &delivery.Entry{ID: id, Endpoint: "ep", Event: delivery.EventRef{ID: hostile, Source: "/" + hostile, Type: hostile, Subject: hostile}})
	}
	if err := l.Write(t.Context(), delta); err != nil {
		t.Fatal(err)
	}
	for range 8 {
		if err := l.Step(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if first := frontOf(t, store); first != statelog.Begin {
		t.Errorf("the log begins with a %s, no snapshot was completed twice", first)
	}
	st := open().State()
	if got := slices.Sorted(maps.Keys(st.Entries)); !slices.Equal(got, want) || st.Positions["events"].Seq != 100 {
		t.Errorf("%d entries, positions %v", len(got), st.Positions)
	}
}

// frontOf is the kind of the first record that is kept.
func frontOf(t *testing.T, logs bus.Logs) (first statelog.Kind) {
	t.Helper()
	err := logs.Read(t.Context(), bus.LogName{Kind: bus.State}, 0, func(r bus.Record) error {
		decoded, err := statelog.Decode(r.Data)
		if first == "" {
			first = decoded.Kind
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return first
}
