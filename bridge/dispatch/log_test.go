package dispatch

import (
	"fmt"
	"slices"
	"testing"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/delivery"
	"github.com/hookspan/hookspan/bridge/dispatch/dispatchtest"
	"github.com/hookspan/hookspan/bridge/statelog"
)

var stateOfShard0 = bus.LogName{Kind: bus.State}

// begins lists the positions of the snapshots that a state log holds, and whether each is
// complete.
func (r *rig) snapshots() (begins []int64, complete int) {
	r.t.Helper()
	for _, br := range r.store.Records(stateOfShard0) {
		rec, err := statelog.Decode(br.Data)
		r.must(err)
		switch rec.Kind {
		case statelog.Begin:
			begins = append(begins, br.Pos)
		case statelog.End:
			complete++
		}
	}
	return begins, complete
}

// What is trimmed lies before the complete snapshot before the newest, once the newest
// one's end would survive a power cut.
func TestTrimsBelowTheSnapshotBeforeTheNewest(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		r.register("crm", nil)
		r.out.holds(true)
		var calls []string
		r.client.Set(dispatchtest.Faults{Call: func(name string) error {
			if name == "Sync" || name == "Trim" {
				_, complete := r.snapshots()
				calls = append(calls, fmt.Sprint(name, complete))
			}
			return nil
		}})
		for n := 1; n <= 120; n++ {
			r.publish(n, n, "a")
			r.feed()
			if n <= 3 {
				r.answer(500, n)
			} else {
				r.answer(200, n)
			}
			before, ended := r.snapshots()
			r.step()
			begins, complete := r.snapshots()
			if complete < 2 && r.store.Records(stateOfShard0)[0].Pos != 1 {
				t.Fatalf("trimmed with %d complete snapshots", complete)
			}
			if len(before) > len(begins) && (begins[0] != before[1] || ended < 1) {
				t.Fatalf("trimmed to %d, snapshots began at %v", begins[0], before)
			}
		}
		begins, complete := r.snapshots()
		if complete < 1 || r.store.Records(stateOfShard0)[0].Pos != begins[0] {
			t.Fatalf("the log begins at %d, its %d complete snapshots at %v", r.store.Records(stateOfShard0)[0].Pos, complete, begins)
		}
		trim := slices.IndexFunc(calls, func(s string) bool { return s[:4] == "Trim" })
		if trim < 1 || calls[trim-1] != "Sync"+calls[trim][4:] {
			t.Errorf("calls, with the number of snapshots complete: %v; want a sync between the end and the trim", calls)
		}
		want := r.logged()
		r.takeover()
		if got := len(r.s.log.State().Entries); got != len(want.Entries) || got == 0 {
			t.Errorf("the successor loads %d entries, want %d", got, len(want.Entries))
		}
	})
}

// A step that does not fit one record is several, and the log is whole after each.
func TestLargeStepIsSeveralDeltas(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		ctx := t.Context()
		l := r.s.log
		all := &statelog.Record{Positions: bus.Positions{part: {Identity: "first", Seq: 9}}, Journal: 5}
		for n := range 20 {
			all.Put = append(all.Put, &delivery.Entry{ID: fmt.Sprint("e", n)})
		}
		had := len(r.store.Records(stateOfShard0))
		r.must(l.Write(ctx, all))
		records := r.store.Records(stateOfShard0)[had:]
		if len(records) < 3 {
			t.Fatalf("%d records for 20 entries", len(records))
		}
		for i, br := range records {
			rec, err := statelog.Decode(br.Data)
			r.must(err)
			if last := i == len(records)-1; (rec.Positions != nil) != last || (rec.Journal == 5) != last {
				t.Errorf("record %d of %d names positions %v and journal %d", i+1, len(records), rec.Positions, rec.Journal)
			}
		}
		gone := &statelog.Record{Journal: 5}
		for n := range 20 {
			gone.Remove = append(gone.Remove, fmt.Sprint("e", n))
		}
		r.must(l.Write(ctx, gone))
		if st := r.logged(); len(st.Entries) != 0 || st.Positions[part].Seq != 9 {
			t.Errorf("%d entries and positions at %d, want 0 and 9", len(st.Entries), st.Positions[part].Seq)
		}
	})
}
