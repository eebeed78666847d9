package fault_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/hookspan/hookspan/cmd/hookspan/fault"
)

// A meter that sees nothing wrong is worth as much as its eye for what is.
func TestMeterSees(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		every  time.Duration
		stay   time.Duration
		twice  bool // a second sender beside the first
		peak   int
		excess float64
	}{
		"as allowed":      {20 * time.Millisecond, 50 * time.Millisecond, false, 3, 1},
		"slower":          {40 * time.Millisecond, 10 * time.Millisecond, false, 1, 1},
		"a little faster": {10 * time.Millisecond, 10 * time.Millisecond, false, 1, 1 + 49.5},
		"two senders":     {20 * time.Millisecond, 10 * time.Millisecond, true, 2, 1 + 100},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				m, began := &fault.Meter{}, time.Now()
				for range 100 {
					senders := []func(){m.Begin()}
					if c.twice {
						senders = append(senders, m.Begin())
					}
					for _, end := range senders {
						time.AfterFunc(c.stay, end)
					}
					<-time.After(c.every)
				}
				<-time.After(time.Second)
				if got := m.Peak(began, time.Now()); got != c.peak {
					t.Errorf("peak %d, want %d", got, c.peak)
				}
				if got := m.Worst(50, began, time.Now()).Excess; got < c.excess-1e-6 || got > c.excess+1e-6 {
					t.Errorf("excess %v, want %v", got, c.excess)
				}
			})
		})
	}
}

func TestGapsBetweenBeats(t *testing.T) {
	t.Parallel()
	begin := time.Date(2026, 5, 4, 10, 0, 0, 0, time.UTC)
	at := func(s int) time.Time { return begin.Add(time.Duration(s) * time.Second) }
	for name, c := range map[string]struct {
		beats    []int
		from, to int
		want     int
	}{
		"none":                         {nil, 2, 9, 7},
		"inside":                       {[]int{1, 2, 3, 7, 8}, 2, 8, 4},
		"begins before":                {[]int{1, 6, 7, 8}, 5, 8, 5},
		"ends behind":                  {[]int{1, 2, 3, 9, 30}, 3, 5, 6},
		"what is behind does not tell": {[]int{1, 2, 3, 4, 30}, 1, 3, 1},
		"goes on to the end":           {[]int{1, 2}, 1, 9, 7},
		"out of order":                 {[]int{3, 1, 2, 6, 4}, 1, 6, 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var b fault.Beats
			for _, s := range c.beats {
				b.Add(at(s))
			}
			if got, want := b.Gap(at(c.from), at(c.to)), time.Duration(c.want)*time.Second; got != want {
				t.Errorf("%v, want %v", got, want)
			}
		})
	}
}
