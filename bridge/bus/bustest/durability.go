package bustest

import (
	"slices"
	"testing"

	"github.com/hookspan/hookspan/bridge/bus"
)

func syncReturns(t *testing.T, s bus.Store) {
	publish(t, s, 1, 1)
	if err := s.Sync(within(t)); err != nil {
		t.Error(err)
	}
}

func roomGrows(t *testing.T, s bus.Store) {
	before, err := s.Room(within(t))
	if err != nil {
		t.Fatal(err)
	}
	publish(t, s, 1, 20)
	after, err := s.Room(within(t))
	if err != nil {
		t.Fatal(err)
	}
	if after.Used <= before.Used {
		t.Errorf("used %d bytes before, %d after 20 events", before.Used, after.Used)
	}
	if after.Limit > 0 && (after.Reserved <= 0 || after.Reserved >= after.Limit) {
		t.Errorf("of %d bytes %d are reserved", after.Limit, after.Reserved)
	}
}

func purges(t *testing.T, s bus.Store) {
	receipts := publish(t, s, 1, 4)
	if _, err := appendEntry(t, s, 0, []byte("attempt")); err != nil {
		t.Fatal(err)
	}
	p := receipts[0].Partition
	if err := s.PurgeEvents(within(t), p, receipts[1].Position.Seq); err != nil {
		t.Fatal(err)
	}
	sp := spanOf(t, s, p)
	if sp.First != receipts[2].Position.Seq {
		t.Errorf("purged up to %d it begins at %d", receipts[1].Position.Seq, sp.First)
	}
	if got := ids(collect(t, s, p, front(sp), 2)); !slices.Equal(got, []string{"order-3", "order-4"}) {
		t.Errorf("left are %v", got)
	}
	if first, _, err := s.JournalSpan(within(t), 0); err != nil || first == bus.NoPosition {
		t.Errorf("the journal begins at %d: %v", first, err)
	}
}

func nobodyElse(t *testing.T, s bus.Store) {
	r := publish(t, s, 1, 3)[2]
	collect(t, s, r.Partition, front(spanOf(t, s, r.Partition)), 3)
	if at, ok, err := s.OthersNeed(within(t), r.Partition); err != nil || ok {
		t.Errorf("somebody needs %d (%v), %v", at, ok, err)
	}
}
