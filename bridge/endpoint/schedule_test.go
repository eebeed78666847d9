package endpoint_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/endpoint"
	"github.com/hookspan/hookspan/bridge/endpoint/endpointtest"
	"github.com/hookspan/hookspan/bridge/setting"
)

func TestSchedules(t *testing.T) {
	t.Parallel()
	const s, m, h = time.Second, time.Minute, time.Hour
	for text, want := range map[string][]time.Duration{
		"1m,5m":                       {m, 5 * m},
		",":                           nil,
		setting.NoItems:               nil,
		"exponential(1m, 2, 6h, 10)":  {m, 2 * m, 4 * m, 8 * m, 16 * m, 32 * m, 64 * m, 128 * m, 256 * m},
		"exponential(1m, 2, 5m, 5)":   {m, 2 * m, 4 * m, 5 * m},
		"exponential(2s,1.5,1h,4)":    {2 * s, 3 * s, 4500 * time.Millisecond},
		"exponential(1m, 1, 1m, 3)":   {m, m},
		"exponential(1m, 2, 6h, 1)":   {},
		"  linear( 1m,5m ,1h, 4 ) ":   {m, 6 * m, 11 * m},
		"linear(1m, 40m, 1h, 4)":      {m, 41 * m, h},
		"linear(1m, 0s, 1m, 4)":       {m, m, m},
		"linear(1m, 8760h, 8760h, 4)": {m, 8760 * h, 8760 * h},
		setting.Marked([]string{"linear(1m, 0s, 1m, 2)"}): {m},
	} {
		var got endpoint.Schedule
		if err := got.Parse(text); err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		if !slices.Equal(got.Waits(), want) || got.Attempts() != len(want)+1 {
			t.Errorf("%q: waits %v and %d attempts, want %v", text, got.Waits(), got.Attempts(), want)
		}
		for _, n := range []int{-1, 0, len(want) + 1, 9999} {
			if wait, ok := got.Wait(n); ok {
				t.Errorf("%q: a wait of %v after attempt %d", text, wait, n)
			}
		}
		if strings.Contains(text, "(") && got.Show() != strings.TrimSpace(strings.TrimSuffix(text, setting.ItemEnd)) {
			t.Errorf("%q is shown as %v", text, got.Show())
		}
	}
}

// A rule reaches its longest wait and stays there, however large the numbers get.
func TestRulesHaveBounds(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"exponential(1ns, 1000, 8760h, 1000)", "linear(1ns, 8760h, 8760h, 1000)"} {
		var rule endpoint.Schedule
		if err := rule.Parse(text); err != nil {
			t.Fatal(err)
		}
		for n := 1; n < 1000; n++ {
			if wait, ok := rule.Wait(n); !ok || wait <= 0 || wait > 8760*time.Hour {
				t.Fatalf("%s: a wait of %v (%v) after attempt %d", text, wait, ok, n)
			}
		}
	}
}

func TestSchedulesThatAreNone(t *testing.T) {
	t.Parallel()
	for text, says := range map[string]string{
		"":                                "positive durations such as 1m,5m,1h",
		" ":                               "positive durations such as 1m,5m,1h",
		"1m,0s":                           "positive durations such as 1m,5m,1h",
		"fibonacci(1m, 2, 6h, 10)":        "or exponential(1m, 2, 6h, 10) or linear(",
		"Exponential(1m, 2, 6h, 10)":      "or exponential(1m, 2, 6h, 10) or linear(",
		"exponential(1m, 2, 6h, 10":       "or exponential(1m, 2, 6h, 10) or linear(",
		"exponential(1m, 2, 6h, 10),1m":   "or exponential(1m, 2, 6h, 10) or linear(",
		"exponential()":                   "four values: exponential(first, factor, max, attempts)",
		"exponential(1m, 2, 6h)":          "four values: exponential(first, factor, max, attempts)",
		"linear(1m, 5m, 1h, 12, 1)":       "four values: linear(first, step, max, attempts)",
		"exponential(0s, 2, 6h, 10)":      "as the first value",
		"exponential(soon, 2, 6h, 10)":    "as the first value",
		"exponential(-1m, 2, 6h, 10)":     "as the first value",
		"exponential(1m, 0.5, 6h, 10)":    "a factor between 1 and 1000 as the second value",
		"exponential(1m, 1001, 6h, 10)":   "as the second value",
		"exponential(1m, 2x, 6h, 10)":     "as the second value",
		"exponential(1m, Inf, 6h, 10)":    "as the second value",
		"exponential(1m, 1e2, 6h, 10)":    "as the second value",
		"exponential(1m, 5m, 6h, 10)":     "as the second value",
		"linear(1m, 2, 1h, 12)":           "a step between 0s and 8760h as the second value",
		"linear(1m, -5m, 1h, 12)":         "as the second value",
		"linear(1m, 9000h, 1h, 12)":       "as the second value",
		"exponential(1m, 2, 30s, 10)":     "as the third value",
		"exponential(1m, 2, 9000h, 10)":   "as the third value",
		"exponential(1m, 2, 6h, 0)":       "as the fourth value",
		"exponential(1m, 2, 6h, 1001)":    "a whole number between 1 and 1000 as the fourth value",
		"exponential(1m, 2, 6h, +5)":      "as the fourth value",
		"exponential(1m, 2, 6h, 5.0)":     "as the fourth value",
		"linear(1m, 5m, 1h, )":            "as the fourth value",
		"exponential(1m, 2, 6h, 10)\x00b": "positive durations",
	} {
		s := endpoint.Waits(time.Hour)
		err := s.Parse(text)
		if err == nil || !strings.HasPrefix(err.Error(), "want ") || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v, want %q", text, err, says)
		}
	}
}

// A version that knows lists only reads the waits, and what it makes of them holds.
func TestRulesInTheRegistry(t *testing.T) {
	t.Parallel()
	store := endpointtest.New()
	e := receiver("crm")
	if err := e.Schedule.Parse("linear(1m,1m,1h,4)"); err != nil {
		t.Fatal(err)
	}
	made := mustCreate(t, loaded(t, store, endpoint.Options{}), e)
	last := store.Records(registryLog)[0]
	const waits = `"schedule":[60000000000,120000000000,180000000000]`
	if !bytes.Contains(last.Data, []byte(waits)) {
		t.Fatalf("the record has no %s: %s", waits, last.Data)
	}
	older := bytes.Replace(last.Data, []byte(waits), []byte(`"schedule":[60000000000]`), 1)
	store.Land(registryLog, bus.Record{ID: [16]byte{9}, Prev: last.Pos, PrevID: last.ID, Data: older})
	kept := loaded(t, store, endpoint.Options{}).Set().ByID(made.ID)
	if got := kept.Schedule.Show().([]string); len(got) != 1 || got[0] != "1m" {
		t.Errorf("kept as %v, want what the older version has made of it", got)
	}
}
