package bustest

import (
	"testing"

	"github.com/hookspan/hookspan/bridge/bus"
)

// intactPlace asks about places that are there and about one that is not. No bus can be cut
// back from here; that a place is not beyond what is asked about, and that a mark names the event
// there, holds all the same.
func intactPlace(t *testing.T, s bus.Store) {
	receipts := publish(t, s, 1, 4)
	p := receipts[0].Partition
	if err := s.PurgeEvents(within(t), p, receipts[0].Position.Seq); err != nil {
		t.Fatal(err)
	}
	sp := spanOf(t, s, p)
	beyond := sp.End
	beyond.Seq += 10
	for _, at := range []bus.Position{sp.End, beyond} {
		got, err := s.Intact(within(t), p, at)
		if err != nil {
			t.Fatal(err)
		}
		if got.Identity != sp.Identity || got.Seq < sp.First-1 || got.Seq > sp.End.Seq {
			t.Errorf("in front of %v the partition, %d to %d, is intact up to %v", at, sp.First, sp.End.Seq, got)
		}
		if got.Seq < sp.First {
			if got.Mark != 0 {
				t.Errorf("the place in front of the first message kept is %v, with a mark", got)
			}
			continue
		}
		if m, err := s.Get(within(t), p, got); err != nil || m.Position != got {
			t.Errorf("at %v: %v, %v", got, m.Position, err)
		}
	}
}
