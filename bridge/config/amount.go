package config

import (
	"log/slog"
	"math"
	"strconv"
	"strings"

	"github.com/hookspan/hookspan/bridge/endpoint"
)

// Size is a number of bytes; 0 stands for "not given".
type Size int64

// UnmarshalText takes a whole number with B, kB, MB, GB, TB (powers of 1000) or KiB, MiB, GiB,
// TiB (powers of 1024) behind it, or nothing for bytes.
func (s *Size) UnmarshalText(text []byte) error {
	digits, unit := cutNumber(string(text))
	factor, known := map[string]int64{
		"": 1, "B": 1, "kB": 1e3, "KB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12,
		"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40,
	}[unit]
	n, err := strconv.ParseInt(digits, 10, 64)
	if !known || err != nil || n <= 0 || n > math.MaxInt64/factor {
		return wanted("a positive size such as 512KiB, 1MiB or 10GB")
	}
	*s = Size(n * factor)
	return nil
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

// Percent is a share: 0.1 is written 10%.
type Percent float64

// UnmarshalText takes 0% to 100%.
func (p *Percent) UnmarshalText(text []byte) error {
	share, err := endpoint.ParseJitter(string(text))
	*p = Percent(share)
	return err
}

// Rate is a limit; the zero value is none.
type Rate struct {
	PerSecond float64
	Burst     int // 0 when none was given
}

// UnmarshalText takes a number per s, m or h, and a burst behind a colon: 50/s, 3000/m, 50/s:20.
func (r *Rate) UnmarshalText(text []byte) error {
	rate, err := endpoint.ParseRate(string(text))
	*r = Rate{PerSecond: rate.PerSecond}
	if strings.Contains(string(text), ":") {
		r.Burst = rate.Burst
	}
	return err
}

// Level is how much is logged: a slog.Level.
type Level slog.Level

// UnmarshalText takes debug, info, warn or error.
func (l *Level) UnmarshalText(text []byte) error {
	level, known := map[string]slog.Level{
		"debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError,
	}[strings.ToLower(string(text))]
	if !known {
		return wanted("debug, info, warn or error")
	}
	*l = Level(level)
	return nil
}

func parseDuration(text string) (any, error) {
	d, err := endpoint.ParseDuration(text)
	if err != nil || d < 0 {
		return nil, wanted("a duration such as 250ms, 30s, 5m or 72h")
	}
	return d, nil
}

func parseBool(text string) (any, error) {
	switch strings.TrimSpace(text) {
	case "true":
		return true, nil
	case "false":
		return false, nil
	}
	return nil, wanted("true or false")
}

func parseInt(text string) (any, error) {
	n, err := strconv.Atoi(strings.TrimSpace(text))
	if err != nil || n < 1 {
		return nil, wanted("a whole number of 1 or more")
	}
	return n, nil
}
