package endpoint_test

import (
	"testing"
	"time"

	"github.com/hookspan/hookspan/bridge/endpoint"
)

func TestRates(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text string
		want endpoint.Rate
		back string
	}{
		{"", endpoint.Rate{}, ""},
		{"50/s", endpoint.Rate{PerSecond: 50, Burst: 1}, "50/s"},
		{"3000/m", endpoint.Rate{PerSecond: 50, Burst: 1}, "50/s"},
		{"10/m", endpoint.Rate{PerSecond: 10.0 / 60, Burst: 1}, "10/m"},
		{"7/h:3", endpoint.Rate{PerSecond: 7.0 / 3600, Burst: 3}, "7/h:3"},
		{"0.5/s", endpoint.Rate{PerSecond: 0.5, Burst: 1}, "30/m"},
		{"50/s:20", endpoint.Rate{PerSecond: 50, Burst: 20}, "50/s:20"},
	} {
		got, err := endpoint.ParseRate(c.text)
		if err != nil || got != c.want || got.String() != c.back {
			t.Errorf("%q: %+v, %v, written %q", c.text, got, err, got.String())
		}
	}
	for _, text := range []string{"50", "/s", "50/", "50/d", "-1/s", "0/s", "0.0/s", "1e3/s", "NaN/s", "Inf/s", ".", "50/s:", "50/s:0", "50/s:-1", "50/s:x", "9999999/s"} {
		if got, err := endpoint.ParseRate(text); err == nil {
			t.Errorf("%q was taken as %+v", text, got)
		}
	}
}

func TestJittersAndDurations(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]float64{"10%": 0.1, "0%": 0, "100%": 1, "2.5%": 0.025} {
		got, err := endpoint.ParseJitter(text)
		if err != nil || got != want || endpoint.FormatJitter(got) != text {
			t.Errorf("%q: %v, %v, written %q", text, got, err, endpoint.FormatJitter(got))
		}
	}
	for _, text := range []string{"", "10", "101%", "-1%", "NaN%", "x%"} {
		if got, err := endpoint.ParseJitter(text); err == nil {
			t.Errorf("%q was taken as %v", text, got)
		}
	}
	for d, want := range map[time.Duration]string{
		time.Minute: "1m", 24 * time.Hour: "24h", 90 * time.Minute: "1h30m", 30 * time.Second: "30s", 61 * time.Second: "1m1s",
		time.Hour + time.Second: "1h0m1s", 250 * time.Millisecond: "250ms", 0: "0s", 10 * time.Minute: "10m", 20 * time.Hour: "20h",
	} {
		if got := endpoint.FormatDuration(d); got != want {
			t.Errorf("%v is written %q, want %q", d, got, want)
		}
	}
}

func FuzzParseRate(f *testing.F) {
	for _, seed := range []string{"50/s", "3000/m:4", "0.1/h", "/", ":"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		rate, err := endpoint.ParseRate(text)
		if err != nil {
			return
		}
		again, err := endpoint.ParseRate(rate.String())
		if err != nil || again.Burst != rate.Burst || again.PerSecond < rate.PerSecond*0.999999 || again.PerSecond > rate.PerSecond*1.000001 {
			t.Fatalf("%q is %+v, written %q, read %+v, %v", text, rate, rate.String(), again, err)
		}
	})
}
