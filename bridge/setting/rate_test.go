package setting_test

import (
	"testing"
	"time"

	"github.com/hookspan/hookspan/bridge/setting"
)

func rate(text string) (r setting.Rate, err error) {
	err = r.Parse(text)
	return r, err
}

func TestRates(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text string
		want setting.Rate
		back string
	}{
		{"", setting.Rate{}, ""},
		{"50/s", setting.Rate{PerSecond: 50}, "50/s"},
		{"3000/m", setting.Rate{PerSecond: 50}, "50/s"},
		{"10/m", setting.Rate{PerSecond: 10.0 / 60}, "10/m"},
		{"7/h:3", setting.Rate{PerSecond: 7.0 / 3600, Burst: 3}, "7/h:3"},
		{"0.5/s", setting.Rate{PerSecond: 0.5}, "30/m"},
		{"50/s:1", setting.Rate{PerSecond: 50, Burst: 1}, "50/s:1"},
		{"50/s:20", setting.Rate{PerSecond: 50, Burst: 20}, "50/s:20"},
	} {
		got, err := rate(c.text)
		if err != nil || got != c.want || got.String() != c.back {
			t.Errorf("%q: %+v, %v, written %q", c.text, got, err, got.String())
		}
	}
	for _, text := range []string{"50", "/s", "50/", "50/d", "-1/s", "0/s", "0.0/s", "1e3/s", "NaN/s", "Inf/s", ".", "50/s:", "50/s:0", "50/s:-1", "50/s:x", "9999999/s"} {
		if got, err := rate(text); err == nil {
			t.Errorf("%q was taken as %+v", text, got)
		}
	}
}

func TestSharesAndDurations(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]setting.Share{"10%": 0.1, "0%": 0, "100%": 1, "2.5%": 0.025} {
		var got setting.Share
		if err := got.Parse(text); err != nil || got != want || got.Show() != text {
			t.Errorf("%q: %v, %v, written %q", text, got, err, got.Show())
		}
	}
	for _, text := range []string{"", "10", "101%", "-1%", "NaN%", "x%"} {
		if new(setting.Share).Parse(text) == nil {
			t.Errorf("%q was taken", text)
		}
	}
	for d, want := range map[time.Duration]string{
		time.Minute: "1m", 24 * time.Hour: "24h", 90 * time.Minute: "1h30m", 30 * time.Second: "30s", 61 * time.Second: "1m1s",
		time.Hour + time.Second: "1h0m1s", 250 * time.Millisecond: "250ms", 0: "0s", 10 * time.Minute: "10m", 20 * time.Hour: "20h",
	} {
		if got := setting.FormatDuration(d); got != want {
			t.Errorf("%v is written %q, want %q", d, got, want)
		}
	}
}

func FuzzParseRate(f *testing.F) {
	for _, seed := range []string{"50/s", "3000/m:4", "0.1/h", "/", ":"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, err := rate(text)
		if err != nil {
			return
		}
		again, err := rate(got.String())
		if err != nil || again.Burst != got.Burst || again.PerSecond < got.PerSecond*0.999999 || again.PerSecond > got.PerSecond*1.000001 {
			t.Fatalf("%q is %+v, written %q, read %+v, %v", text, got, got.String(), again, err)
		}
	})
}
