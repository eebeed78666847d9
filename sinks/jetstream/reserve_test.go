package jetstream_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	natsjs "github.com/nats-io/nats.go/jetstream"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/sinks/jetstream"
	"github.com/hookspan/hookspan/sinks/jetstream/natstest"
)

// Installations that share a server leave one another, and everybody else, the room.
func TestInstallationsReserveNothing(t *testing.T) {
	t.Parallel()
	servers := natstest.Start(t, 1, natstest.Config{})
	_, js, conns := administered(t, servers)
	for i := range 12 {
		store, err := jetstream.Open(within(t), conns, jetstream.Options{Namespace: fmt.Sprintf("shop-%d", i)})
		if err != nil {
			t.Fatalf("installation %d: %v", i, err)
		}
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	}
	account, err := js.AccountInfo(within(t))
	if err != nil {
		t.Fatal(err)
	}
	if account.ReservedStore != 0 {
		t.Errorf("%d bytes are reserved", account.ReservedStore)
	}
}

func TestWhatAnEarlierVersionReservedIsGivenBack(t *testing.T) {
	t.Parallel()
	_, js, conns := administered(t, natstest.Start(t, 1, natstest.Config{}))
	for bytes, want := range map[int64]int64{10 << 30: -1, 10 << 30 / 8: -1, 300 << 20: 300 << 20} {
		store, err := jetstream.Open(within(t), conns, jetstream.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if err := store.Close(); err != nil {
			t.Error(err)
		}
		c := config(t, conns.Events, "HOOKSPAN_JOURNAL")
		c.MaxBytes, c.MaxMsgs = bytes, -1
		if _, err := js.UpdateStream(within(t), c); err != nil {
			t.Fatal(err)
		}
		if store, err = jetstream.Open(within(t), conns, jetstream.Options{}); err != nil {
			t.Fatal(err)
		}
		if err := store.Close(); err != nil {
			t.Error(err)
		}
		if c := config(t, conns.Events, "HOOKSPAN_JOURNAL"); c.MaxBytes != want || c.MaxMsgs <= 0 {
			t.Errorf("of %d bytes reserved %d are left, and %d records, want %d", bytes, c.MaxBytes, c.MaxMsgs, want)
		}
	}
}

func TestAStreamThatDoesNotFitEndsTheStart(t *testing.T) {
	t.Parallel()
	_, js, conns := administered(t, natstest.Start(t, 1, natstest.Config{}))
	if _, err := js.CreateStream(within(t), natsjs.StreamConfig{Name: "HUGE", Subjects: []string{"huge"}, MaxBytes: 100 << 30}); err != nil {
		t.Fatal(err)
	}
	_, err := jetstream.Open(within(t), conns, jetstream.Options{})
	if err == nil || errors.Is(err, bus.ErrStoreFull) || errors.Is(err, bus.ErrUnavailable) || !strings.Contains(err.Error(), "raise the storage limit") {
		t.Errorf("opened with %v, want an end that says what to do", err)
	}
}
