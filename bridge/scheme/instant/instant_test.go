package instant

import (
	"testing"
	"time"
)

func TestInstant(t *testing.T) {
	t.Parallel()
	cases := map[string]string{
		"1772366400":                     "2026-03-01T12:00:00Z",
		"1772366400123":                  "2026-03-01T12:00:00.123Z",
		"1772366400.25":                  "2026-03-01T12:00:00.25Z",
		"0":                              "1970-01-01T00:00:00Z",
		"2026-03-01T12:00:00Z":           "2026-03-01T12:00:00Z",
		"2026-03-01T13:00:00.5+01:00":    "2026-03-01T12:00:00.5Z",
		"2018-04-20T13:11:34.6926949Z":   "2018-04-20T13:11:34.6926949Z",
		"2018-04-20T13:11:34.123456789Z": "2018-04-20T13:11:34.123456789Z",
		"Sun, 01 Mar 2026 12:00:00 GMT":  "2026-03-01T12:00:00Z",
	}
	for text, want := range cases {
		got, ok := Parse(text, nil)
		if !ok || got.Format(time.RFC3339Nano) != want {
			t.Errorf("%s: %s %v", text, got.Format(time.RFC3339Nano), ok)
		}
	}
	for _, text := range []string{"", "-1", "NaN", "Inf", "0x10", "1e400", "99999999999999999999", "9223372036854775807", "2026-03-01 12:00:00", "soon", "12:00"} {
		if got, ok := Parse(text, nil); ok {
			t.Errorf("%q was read as %s", text, got)
		}
	}
}

func FuzzInstant(f *testing.F) {
	zone, err := time.LoadLocation("America/New_York")
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{"1772366400", "2024-11-03 01:30:00", "2026-03-01T12:00:00Z", "1e300", "0001-01-01 00:00:00"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if got, ok := Parse(text, zone); ok {
			if _, err := got.MarshalText(); err != nil {
				t.Fatalf("%q: %v", text, err)
			}
		}
	})
}
