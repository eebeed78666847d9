package endpoint_test

import (
	"bytes"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/endpoint"
	"github.com/hookspan/hookspan/bridge/endpoint/endpointtest"
)

// churn writes a few endpoints many times over, and removes one.
func churn(t *testing.T, r *endpoint.Registry) {
	t.Helper()
	if _, err := r.Starts(t.Context(), []string{"orders.>"}); err != nil {
		t.Fatal(err)
	}
	for i := range 4 {
		name := fmt.Sprintf("e-%d", i)
		e := r.Set().ByName(name)
		if e == nil {
			e = mustCreate(t, r, receiver(name))
		}
		for n := range 12 {
			if _, err := r.SetState(t.Context(), e.ID, endpoint.Paused, fmt.Sprint("turn ", n)); err != nil {
				t.Fatal(err)
			}
		}
	}
	gone := mustCreate(t, r, receiver("gone"))
	if err := r.Delete(t.Context(), gone.ID, nil); err != nil {
		t.Fatal(err)
	}
}

func TestSnapshotsKeepTheLogShortAndWhole(t *testing.T) {
	t.Parallel()
	store := endpointtest.New()
	start := store.Publish(orders, time.Now())
	o := endpoint.Options{SnapshotSlack: 1}
	r := loaded(t, store, o)
	follower := loaded(t, store, o)
	for range 3 {
		churn(t, r)
		if err := r.Snapshot(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	records := store.Records(registryLog)
	if records[0].Prev == bus.NoPosition {
		t.Fatal("nothing was trimmed")
	}
	ends := 0
	for _, rec := range records {
		if bytes.Contains(rec.Data, []byte(`"kind":"end"`)) {
			ends++
		}
	}
	if ends != 2 || !bytes.Contains(records[0].Data, []byte(`"kind":"begin"`)) {
		t.Errorf("%d snapshots are left behind %s; the newest and the one before it must be", ends, records[0].Data)
	}
	if syncs := store.Syncs(); syncs == 0 {
		t.Error("trimmed without a sync")
	}
	for name, got := range map[string]*endpoint.Registry{"fresh": loaded(t, store, o), "follower behind the trim": follower} {
		set, err := got.Refresh(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		want := r.Set()
		if len(set.All()) != 4 || set.Revision != want.Revision {
			t.Fatalf("%s: %d endpoints at %d, want 4 at %d", name, len(set.All()), set.Revision, want.Revision)
		}
		for i, e := range set.All() {
			w := want.All()[i]
			if e.ID != w.ID || e.Revision != w.Revision || e.Periods[0].Revision != w.Periods[0].Revision || e.Reason != w.Reason || e.Secrets[0] != w.Secrets[0] {
				t.Errorf("%s: %+v, want %+v", name, e, w)
			}
		}
		starts, err := got.Starts(t.Context(), []string{"orders.>"})
		if err != nil || starts.Positions()[orders] != start {
			t.Errorf("%s: starts %v, %v", name, starts, err)
		}
	}
}

func TestATrimmedLogWithoutASnapshotIsDamaged(t *testing.T) {
	t.Parallel()
	store := endpointtest.New()
	r := loaded(t, store, endpoint.Options{})
	churn(t, r)
	if err := store.Trim(t.Context(), registryLog, 3); err != nil {
		t.Fatal(err)
	}
	fresh := endpoint.NewRegistry(store, sealer(t, 1), endpoint.Options{})
	if err := fresh.Load(t.Context()); !errors.Is(err, endpoint.ErrDamaged) {
		t.Errorf("load: %v", err)
	}
	if _, err := fresh.Create(t.Context(), receiver("new")); !errors.Is(err, endpoint.ErrDamaged) {
		t.Errorf("create: %v", err)
	}
	if err := store.Trim(t.Context(), registryLog, 1<<40); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Refresh(t.Context()); !errors.Is(err, endpoint.ErrDamaged) || len(r.Set().All()) != 4 {
		t.Errorf("an emptied log: %v, %d endpoints", err, len(r.Set().All()))
	}
}

// Another replica begins a snapshot between our begin and our first chunk.
func TestASnapshotGivesUpBehindAnothersBegin(t *testing.T) {
	t.Parallel()
	store := endpointtest.New()
	r := loaded(t, store, endpoint.Options{SnapshotSlack: 1})
	churn(t, r)
	appends := 0
	store.BeforeAppend(func(bus.LogName) {
		if appends++; appends == 2 {
			records := store.Records(registryLog)
			last := records[len(records)-1]
			store.Land(registryLog, bus.Record{ID: [16]byte{7}, Prev: last.Pos, PrevID: last.ID, Data: []byte(`{"v":1,"kind":"begin"}`)})
		}
	})
	if err := r.Snapshot(t.Context()); err != nil {
		t.Fatal(err)
	}
	if appends != 2 {
		t.Errorf("%d appends; it did not give up at its first chunk", appends)
	}
	if err := r.Snapshot(t.Context()); err != nil || appends != 2 {
		t.Errorf("it began again while the other may be at it: %d appends, %v", appends, err)
	}
}

func TestRunFollowsOthersAndSnapshots(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := endpointtest.New()
		ours := loaded(t, store, endpoint.Options{SnapshotSlack: 1})
		theirs := loaded(t, store, endpoint.Options{})
		done := make(chan error, 1)
		go func() { done <- ours.Run(t.Context()) }()

		changed := ours.Changed()
		mustCreate(t, theirs, receiver("crm"))
		<-changed
		if ours.Set().ByName("crm") == nil {
			t.Error("a change was announced and is not there")
		}
		store.Fail(bus.ErrUnavailable)
		<-time.After(2 * time.Second)
		store.Fail(nil)
		churn(t, theirs)
		<-time.After(time.Minute)
		churn(t, theirs)
		<-time.After(time.Minute)
		if store.Records(registryLog)[0].Prev == bus.NoPosition {
			t.Error("Run made no snapshots")
		}

		records := store.Records(registryLog)
		last := records[len(records)-1]
		store.Land(registryLog, bus.Record{ID: [16]byte{7}, Prev: last.Pos, PrevID: last.ID, Data: []byte(`{"v":7}`)})
		if err := <-done; !errors.Is(err, bus.ErrNewerFormat) {
			t.Errorf("Run ended with %v", err)
		}
	})
}
