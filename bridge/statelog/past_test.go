package statelog

import (
	"testing"

	"github.com/hookspan/hookspan/bridge/delivery"
)

func recordOf(id string, number int, o delivery.Outcome) delivery.Attempt {
	return delivery.Attempt{Delivery: id, Number: number, Outcome: o}
}

// What the journal says about a delivery, with and without an entry that waits for its
// second attempt.
func TestPast(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		entry   int // number of the attempt it waits for; 0: no entry
		records []delivery.Attempt
		done    bool
		next    int // number of the attempt that comes next, as far as the journal tells; 0: unknown
	}{
		"final":                                {0, []delivery.Attempt{recordOf("d", 1, delivery.Delivered)}, true, 0},
		"failed":                               {0, []delivery.Attempt{recordOf("d", 1, "")}, false, 2},
		"failed twice":                         {0, []delivery.Attempt{recordOf("d", 1, ""), recordOf("d", 2, "")}, false, 3},
		"failed, a batch written twice":        {0, []delivery.Attempt{recordOf("d", 1, ""), recordOf("d", 2, ""), recordOf("d", 1, "")}, false, 3},
		"failed, then final":                   {0, []delivery.Attempt{recordOf("d", 1, ""), recordOf("d", 2, delivery.Delivered)}, true, 0},
		"final, then a late copy of a failure": {0, []delivery.Attempt{recordOf("d", 2, delivery.Delivered), recordOf("d", 1, "")}, true, 0},
		"entry and its final":                  {2, []delivery.Attempt{recordOf("d", 2, delivery.Delivered)}, true, 2},
		"entry and a later final":              {2, []delivery.Attempt{recordOf("d", 3, delivery.Delivered)}, true, 2},
		"entry and an earlier final":           {2, []delivery.Attempt{recordOf("d", 1, delivery.Delivered)}, false, 2},
		"entry and its failure":                {2, []delivery.Attempt{recordOf("d", 2, "")}, false, 3},
		"entry and an earlier failure":         {2, []delivery.Attempt{recordOf("d", 1, "")}, false, 2},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			st, logged := NewState(), delivery.Entry{ID: "d", Number: c.entry}
			if c.entry > 0 {
				st.Entries["d"] = &logged
			}
			p := NewPast()
			for _, a := range c.records {
				p.Add(&st, a)
			}
			next := 0
			if f, ok := p.Failed["d"]; ok {
				next = f.Number + 1
			}
			if e := st.Entries["d"]; e != nil {
				next = e.Number
			}
			if _, done := p.Done["d"]; done != c.done || next != c.next {
				t.Errorf("done %v, next attempt %d, want %v and %d", done, next, c.done, c.next)
			}
			if want := (delivery.Entry{ID: "d", Number: c.entry}); logged != want {
				t.Errorf("the log's own entry is %+v, want it as it was", logged)
			}
		})
	}
}
