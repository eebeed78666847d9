package dispatch

import "testing"

func TestDurability(t *testing.T) {
	t.Parallel()
	for s, c := range map[durability]struct {
		want, waive, land durability
		due, covered      bool
	}{
		unwritten: {wanted, unwritten, unwritten, false, false},
		wanted:    {wanted, unwritten, wanted, true, false},
		sent:      {outdated, sent, written, false, true},
		outdated:  {outdated, sent, changed, true, true},
		written:   {changed, written, written, false, true},
		changed:   {changed, written, changed, true, true},
	} {
		if s.want() != c.want || s.waive() != c.waive || s.land() != c.land || s.due() != c.due || s.covered() != c.covered {
			t.Errorf("%d: want %d, waive %d, land %d, due %v, covered %v; want %+v", s, s.want(), s.waive(), s.land(), s.due(), s.covered(), c)
		}
	}
}
