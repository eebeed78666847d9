package endpoint

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// ParseRate reads attempts per second, minute or hour, evenly spaced unless a burst follows:
// "50/s", "3000/m", "50/s:20". The empty text is no limit.
func ParseRate(text string) (Rate, error) {
	wrong := errors.New("a rate looks like 50/s, 3000/m or 50/s:20")
	text = strings.TrimSpace(text)
	if text == "" {
		return Rate{}, nil
	}
	rate, burst, hasBurst := strings.Cut(text, ":")
	count, unit, ok := strings.Cut(rate, "/")
	n, err := strconv.ParseFloat(count, 64)
	if !ok || err != nil || strings.Trim(count, "0123456789.") != "" {
		return Rate{}, wrong
	}
	r := Rate{PerSecond: n, Burst: 1}
	switch unit {
	case "s":
	case "m":
		r.PerSecond /= 60
	case "h":
		r.PerSecond /= 3600
	default:
		return Rate{}, wrong
	}
	if hasBurst {
		if r.Burst, err = strconv.Atoi(burst); err != nil {
			return Rate{}, wrong
		}
	}
	if r.PerSecond == 0 {
		return Rate{}, wrong
	}
	return r, r.validate()
}

// String is what ParseRate reads, in the largest unit that needs no fraction.
func (r Rate) String() string {
	if r.PerSecond == 0 {
		return ""
	}
	text := strconv.FormatFloat(r.PerSecond, 'f', -1, 64) + "/s"
	for _, u := range []struct {
		unit    string
		seconds float64
	}{{"s", 1}, {"m", 60}, {"h", 3600}} {
		n := r.PerSecond * u.seconds
		if whole := math.Round(n); whole >= 1 && math.Abs(n-whole) < 1e-9*whole {
			text = strconv.FormatFloat(whole, 'f', 0, 64) + "/" + u.unit
			break
		}
	}
	if r.Burst > 1 {
		text += ":" + strconv.Itoa(r.Burst)
	}
	return text
}

// ParseJitter reads a share such as "10%"; nothing of something needs no sign: "0".
func ParseJitter(text string) (float64, error) {
	number, ok := strings.CutSuffix(strings.TrimSpace(text), "%")
	n, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
	if !ok && n != 0 || err != nil || !(n >= 0 && n <= 100) {
		return 0, errors.New("a jitter is a share between 0% and 100%, such as 10%")
	}
	return n / 100, nil
}

// FormatJitter is what ParseJitter reads.
func FormatJitter(share float64) string {
	return strconv.FormatFloat(math.Round(share*1e6)/1e4, 'f', -1, 64) + "%"
}

// ParseDuration reads a duration in Go's form: "30s", "1h30m".
func ParseDuration(text string) (time.Duration, error) {
	d, err := time.ParseDuration(strings.TrimSpace(text))
	if err != nil {
		return 0, fmt.Errorf("%q is not a duration such as 30s, 15m or 1h30m", text)
	}
	return d, nil
}

// FormatDuration is what ParseDuration reads, without the parts that are zero: 1m, 24h.
func FormatDuration(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}
