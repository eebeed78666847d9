package setting

import (
	"math"
	"strconv"
	"strings"
	"time"
)

// Size is a number of bytes; 0 stands for "not given".
type Size int64

// Parse takes a whole number with B, kB, MB, GB, TB (powers of 1000) or KiB, MiB, GiB, TiB
// (powers of 1024) behind it, or nothing for bytes.
func (s *Size) Parse(text string) error {
	digits, unit := cutNumber(text)
	factor, known := map[string]int64{
		"": 1, "B": 1, "kB": 1e3, "KB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12,
		"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40,
	}[unit]
	n, err := strconv.ParseInt(digits, 10, 64)
	if !known || err != nil || n <= 0 || n > math.MaxInt64/factor {
		return Wanted("a positive size such as 512KiB, 1MiB or 10GB")
	}
	*s = Size(n * factor)
	return nil
}

// OfKind is KindSize.
func (Size) OfKind() Kind { return KindSize }

// Check wants no less than nothing.
func (s Size) Check() []Fault {
	if s >= 0 {
		return nil
	}
	return []Fault{{"", "must be more than nothing"}}
}

// cutNumber splits the digits at the front from what follows them.
func cutNumber(text string) (digits, rest string) {
	text = strings.TrimSpace(text)
	end := strings.IndexFunc(text, func(r rune) bool { return (r < '0' || r > '9') && r != '.' })
	if end < 0 {
		return text, ""
	}
	return text[:end], strings.TrimSpace(text[end:])
}

// Share is a part of something: 0.1 is written 10%.
type Share float64

// Parse takes 0% to 100%; nothing of something needs no sign.
func (s *Share) Parse(text string) error {
	number, ok := strings.CutSuffix(strings.TrimSpace(text), "%")
	n, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
	if !ok && n != 0 || err != nil || !(n >= 0 && n <= 100) {
		return Wanted("a share between 0% and 100%, such as 10%")
	}
	*s = Share(n / 100)
	return nil
}

// OfKind is KindShare.
func (Share) OfKind() Kind { return KindShare }

// Show is what Parse reads.
func (s Share) Show() any {
	return strconv.FormatFloat(math.Round(float64(s)*1e6)/1e4, 'f', -1, 64) + "%"
}

// Check holds it between nothing and all.
func (s Share) Check() []Fault {
	if s >= 0 && s <= 1 {
		return nil
	}
	return []Fault{{"", "must be between 0% and 100%"}}
}

// ParseDuration reads a duration in Go's form: "30s", "1h30m"; none is less than nothing.
func ParseDuration(text string) (time.Duration, error) {
	d, err := time.ParseDuration(strings.TrimSpace(text))
	if err != nil || d < 0 {
		return 0, Wanted("a duration such as 250ms, 30s, 5m or 72h")
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
