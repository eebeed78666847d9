// Package instant reads times as providers write them.
package instant

import (
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"
	_ "time/tzdata" // a provider's local time must not depend on the host's files
)

// LocalLayout is how a provider writes a local time without an offset.
const LocalLayout = "2006-01-02 15:04:05"

// millisecondsFrom is the number from which a time counts milliseconds: as seconds it would
// lie in the year 5138, as milliseconds it is in 1973.
const millisecondsFrom = 1e11

// Instant reads a time as providers write it: seconds or milliseconds since 1970, RFC 3339,
// an HTTP date, or a local time in zone where the provider has one.
func Parse(text string, zone *time.Location) (time.Time, bool) {
	if strings.IndexByte(text, '-') == 4 { // a year; anything else would only make an error
		if t, err := time.Parse(time.RFC3339Nano, text); err == nil {
			return t.UTC(), plausible(t)
		}
	}
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		if n >= millisecondsFrom {
			t := time.UnixMilli(n).UTC()
			return t, plausible(t)
		}
		t := time.Unix(n, 0).UTC()
		return t, n >= 0 && plausible(t)
	}
	if f, err := strconv.ParseFloat(text, 64); err == nil && f >= 0 && f < 1e15 && !strings.ContainsAny(text, "xXpP_nN") {
		if f >= millisecondsFrom {
			f /= 1000
		}
		whole, fraction := math.Modf(f)
		t := time.Unix(int64(whole), int64(math.Round(fraction*1e6))*1000).UTC()
		return t, plausible(t)
	}
	if zone != nil {
		if wall, err := time.Parse(LocalLayout, text); err == nil {
			return fromWall(wall, zone), true
		}
	}
	if t, err := http.ParseTime(text); err == nil {
		return t.UTC(), true
	}
	return time.Time{}, false
}

// plausible keeps out times that RFC 3339 cannot write.
func plausible(t time.Time) bool { return t.Year() >= 0 && t.Year() <= 9999 }

// fromWall turns a wall clock reading into an instant. An hour that the clocks show twice is
// the earlier of the two; one that they skip is read with the offset that held before.
func fromWall(wall time.Time, zone *time.Location) time.Time {
	offset := func(around time.Time) time.Duration {
		_, seconds := around.In(zone).Zone()
		return time.Duration(seconds) * time.Second
	}
	before := wall.Add(-offset(wall.Add(-24 * time.Hour)))
	after := wall.Add(-offset(wall.Add(24 * time.Hour)))
	shows := func(t time.Time) bool { return t.In(zone).Format(LocalLayout) == wall.Format(LocalLayout) }
	switch {
	case shows(before) && shows(after) && after.Before(before):
		return after.UTC()
	case shows(before) || !shows(after):
		return before.UTC()
	default:
		return after.UTC()
	}
}
