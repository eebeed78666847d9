package backup

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/endpoint"
)

// What is owed is in the plan once, as an entry or in a range, and a range holds nothing else that
// its endpoint takes.
func TestPlanOwesWhatWasOwed(t *testing.T) {
	t.Parallel()
	for name, owes := range map[string]func(n int) (plain, tried bool){
		"everything":           func(int) (bool, bool) { return true, false },
		"nothing":              func(int) (bool, bool) { return false, false },
		"every other":          func(n int) (bool, bool) { return n%2 == 0, false },
		"all from some place":  func(n int) (bool, bool) { return n > 333, false },
		"but for one":          func(n int) (bool, bool) { return n != 500, false },
		"some tried":           func(n int) (bool, bool) { return n%7 != 0, n%7 == 0 },
		"too few for a range":  func(n int) (bool, bool) { return n%(inARow+1) != 0, false },
		"just enough in a row": func(n int) (bool, bool) { return n%(inARow+2) != 0, false },
	} {
		byType, byTenant := endpoint.Period{Events: []string{"paid"}}, endpoint.Period{Events: []string{"*"}, Tenant: "acme", TenantRule: "/by"}
		byFilter := endpoint.Period{Events: []string{"*"}}
		if err := byFilter.Filters.Parse(`[{"exact":{"type":"paid"}}]`); err != nil {
			t.Fatal(err)
		}
		t.Run(name, func(t *testing.T) { planned(t, name, byType, owes) })
		t.Run(name+", by a filter", func(t *testing.T) { planned(t, name, byFilter, owes) })
		t.Run(name+", of a tenant", func(t *testing.T) { planned(t, name, byTenant, owes) })
	}
}

func planned(t *testing.T, name string, period endpoint.Period, owes func(n int) (plain, tried bool)) {
	t.Helper()
	t.Parallel()
	const events = 1000
	ep := newImporting(&endpoint.Endpoint{ID: "ep_1"}, &account{}, period)
	p := newPlan(map[string]*importing{ep.ID: ep})
	want, takes := map[int64]bool{}, map[int64]bool{}
	for n := 1; n <= events; n++ {
		s := &stored{Type: "paid", ID: fmt.Sprint(n), Data: []byte(`{"by":"acme"}`)}
		if n%3 == 0 { // what the endpoint does not take is nothing to it
			if s.Type = "shipped"; period.ByTenant() {
				s.Type, s.Data = "paid", []byte(`{"by":"other"}`)
			}
		} else {
			takes[int64(n)] = true
			if plain, tried := owes(n); plain || tried {
				s.Owed = []owed{{Endpoint: ep.ID}}
				if tried {
					s.Owed[0].Number = 2
				}
				want[int64(n)] = true
			}
		}
		r := bus.Receipt{Partition: "EVENTS", Position: bus.Position{Identity: "i", Seq: int64(n)}}
		if err := p.add("shop."+s.Type, s, r); err != nil {
			t.Fatal(err)
		}
	}
	p.end()
	got := map[int64]bool{}
	for _, e := range ep.entries {
		if got[e.Event.Seq] {
			t.Errorf("event %d has two entries", e.Event.Seq)
		}
		got[e.Event.Seq] = true
		if e.Event.Tenant != period.Tenant {
			t.Errorf("event %d is of tenant %q, want %q", e.Event.Seq, e.Event.Tenant, period.Tenant)
		}
	}
	for _, r := range ep.feeds["EVENTS"].Ranges {
		for seq := r.From.Seq + 1; seq <= r.To.Seq; seq++ {
			if takes[seq] { // one with an entry is passed
				got[seq] = true
			}
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("owed and planned differ:\n%s", diff)
	}
	if n := len(ep.feeds["EVENTS"].Ranges); name == "everything" && (n != 1 || len(ep.entries) > 0) {
		t.Errorf("%d ranges and %d entries, want one range", n, len(ep.entries))
	}
}

// However the owed events are scattered, an endpoint has few ranges.
func TestRangesStayFew(t *testing.T) {
	t.Parallel()
	ep := newImporting(&endpoint.Endpoint{ID: "ep_1"}, &account{}, endpoint.Period{Events: []string{"*"}})
	p := newPlan(map[string]*importing{ep.ID: ep})
	for n := int64(1); n <= 200*(inARow+2); n++ {
		s := &stored{Type: "paid"}
		if n%(inARow+2) != 0 {
			s.Owed = []owed{{Endpoint: ep.ID}}
		}
		if err := p.add("shop", s, bus.Receipt{Partition: "EVENTS", Position: bus.Position{Identity: "i", Seq: n}}); err != nil {
			t.Fatal(err)
		}
	}
	p.end()
	if n := len(ep.feeds["EVENTS"].Ranges); n == 0 || n > 2*rangesFew {
		t.Errorf("%d ranges", n)
	}
}

func TestDamagedOwingIsRefused(t *testing.T) {
	t.Parallel()
	p := newPlan(map[string]*importing{})
	if err := p.add("shop", &stored{Owed: []owed{{Endpoint: "ep_1"}}}, bus.Receipt{}); err == nil {
		t.Error("an event is owed to nobody")
	}
}

// A range brings what the endpoint takes from now on: what its filters would keep away is owed as
// entries, and what they keep away and nobody is owed ends no run.
func TestPlanGoesByFilters(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		owed, between   string // the subjects of what is owed, and of every other event
		entries, ranges int
	}{
		"owed by filters of before": {"us", "us", 600, 0},
		"owed by those of now":      {"eu", "us", 0, 1},
	} {
		period := endpoint.Period{Events: []string{"paid"}}
		if err := period.Filters.Parse(`[{"exact":{"subject":"eu"}}]`); err != nil {
			t.Fatal(err)
		}
		ep := newImporting(&endpoint.Endpoint{ID: "ep_1"}, &account{}, period)
		p := newPlan(map[string]*importing{ep.ID: ep})
		for n := int64(1); n <= 600; n++ {
			s := &stored{Type: "paid", ID: fmt.Sprint(n), Subject: c.between}
			if n%2 == 0 {
				s.Subject = c.owed
			}
			if s.Subject == c.owed {
				s.Owed = []owed{{Endpoint: ep.ID}}
			}
			if err := p.add("shop", s, bus.Receipt{Partition: "EVENTS", Position: bus.Position{Identity: "i", Seq: n}}); err != nil {
				t.Fatal(err)
			}
		}
		p.end()
		if entries, ranges := len(ep.entries), len(ep.feeds["EVENTS"].Ranges); entries != c.entries || ranges != c.ranges {
			t.Errorf("%s: %d entries and %d ranges, want %d and %d", name, entries, ranges, c.entries, c.ranges)
		}
	}
}
