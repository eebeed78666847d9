package delivery

import (
	"testing"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/event"
)

func TestWhenADeliveryEnds(t *testing.T) {
	t.Parallel()
	stored := time.Date(2026, 5, 4, 10, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		expiry string
		maxAge time.Duration
		asked  bool
		want   time.Time
		why    string
	}{
		"never":                    {"", 0, false, time.Time{}, ""},
		"its age":                  {"", time.Hour, false, stored.Add(time.Hour), tooOld},
		"its own word":             {"2026-05-04T10:30:00Z", 0, false, stored.Add(30 * time.Minute), outdate},
		"its own word first":       {"2026-05-04T10:30:00Z", time.Hour, false, stored.Add(30 * time.Minute), outdate},
		"its age first":            {"2026-05-04T11:30:00Z", time.Hour, false, stored.Add(time.Hour), tooOld},
		"its own word, before all": {"0001-01-02T00:00:00Z", 0, false, time.Unix(0, 1), outdate},
		"its own word, after all":  {"9999-01-01T00:00:00Z", time.Hour, false, stored.Add(time.Hour), tooOld},
		"no time":                  {"soon", 0, false, time.Time{}, ""},
		"asked for":                {"2026-05-04T10:30:00Z", time.Hour, true, time.Time{}, ""},
	} {
		m := bus.Message{Stored: stored, Event: &event.Event{}}
		if c.expiry != "" {
			m.Event.SetExtension("expirytime", c.expiry)
		}
		e := Entry{Life: LifeOf(&m, c.maxAge), Asked: c.asked}
		at, why := e.Ends(c.maxAge)
		if c.want.IsZero() && at != 0 || !c.want.IsZero() && at != c.want.UnixNano() || why != c.why {
			t.Errorf("%s: %v %q, want %v %q", name, time.Unix(0, at).UTC(), why, c.want, c.why)
		}
		if bounded := c.maxAge > 0 || c.expiry != "" && c.expiry != "soon"; (e.Life != nil) != bounded {
			t.Errorf("%s: kept with %+v", name, e.Life)
		}
	}
	before := Entry{Created: stored} // of a version that knew no age
	if at, _ := before.Ends(time.Hour); at != stored.Add(time.Hour).UnixNano() {
		t.Errorf("an entry without a life ends at %v", time.Unix(0, at))
	}
}

func TestStandingWithinALife(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 5, 4, 10, 0, 0, 0, time.UTC)
	in := func(m time.Duration) time.Time { return now.Add(m * time.Minute) }
	for name, c := range map[string]struct{ was, want Standing }{
		"an attempt before":     {Standing{WaitsRetry, in(1), in(1)}, Standing{WaitsRetry, in(1), in(1)}},
		"no attempt before":     {Standing{WaitsRetry, in(9), in(9)}, Standing{WaitsRetry, in(5), time.Time{}}},
		"for as long as it is":  {Standing{Waits: WaitsPaused}, Standing{Waits: WaitsPaused, Until: in(5)}},
		"its attempt runs":      {Standing{Waits: WaitsRunning, Until: in(9)}, Standing{Waits: WaitsRunning, Until: in(9)}},
		"for its first attempt": {Standing{Waits: WaitsLimited, Until: in(2)}, Standing{Waits: WaitsLimited, Until: in(2)}},
	} {
		if got := c.was.Within(in(5).UnixNano()); got != c.want {
			t.Errorf("%s: %+v, want %+v", name, got, c.want)
		}
		if got := c.was.Within(0); got != c.was {
			t.Errorf("%s, never: %+v", name, got)
		}
	}
}
