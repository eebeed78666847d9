package event

import (
	"fmt"
	"time"
)

// parseTime reads RFC 3339 and keeps the offset that was written, whatever zone this machine is
// in. The letters may be small (5.6), and a leap second is the instant behind it, because
// time.Time has none.
func parseTime(v string) (time.Time, error) {
	text := []byte(v)
	if !shaped(text) {
		return time.Time{}, fmt.Errorf("%.40q is no RFC 3339 time", v)
	}
	text[10] = 'T'
	if last := len(text) - 1; text[last] == 'z' {
		text[last] = 'Z'
	}
	leap := text[17] == '6' && text[18] == '0'
	if leap {
		text[17], text[18] = '5', '9'
	}
	t, err := time.ParseInLocation(time.RFC3339Nano, string(text), time.UTC)
	if err != nil {
		return time.Time{}, fmt.Errorf("%.40q is no RFC 3339 time", v)
	}
	if leap {
		if utc := t.UTC(); utc.Hour() != 23 || utc.Minute() != 59 {
			return time.Time{}, fmt.Errorf("%.40q has 60 seconds in a minute that can have none", v)
		}
		t = t.Add(time.Second)
	}
	if t.Year() > 9999 || t.UTC().Year() > 9999 || t.UTC().Year() < 0 {
		return time.Time{}, fmt.Errorf("%.40q is beyond the years of RFC 3339", v)
	}
	return t, nil
}

// shaped holds a text against the grammar of RFC 3339, of which time.Parse is more generous:
// it also takes hours of one digit, a comma before the fraction, and offsets of a day.
func shaped(v []byte) bool {
	const pattern = "0000-00-00T00:00:00"
	if len(v) <= len(pattern) {
		return false
	}
	for i := range len(pattern) {
		switch c := v[i]; pattern[i] {
		case '0':
			if !digit(c) {
				return false
			}
		case 'T':
			if c != 'T' && c != 't' {
				return false
			}
		default:
			if c != pattern[i] {
				return false
			}
		}
	}
	rest := v[len(pattern):]
	if rest[0] == '.' {
		n := 1
		for n < len(rest) && digit(rest[n]) {
			n++
		}
		if n == 1 {
			return false
		}
		rest = rest[n:]
	}
	return shapedOffset(rest)
}

func shapedOffset(v []byte) bool {
	switch {
	case len(v) == 1:
		return v[0] == 'Z' || v[0] == 'z'
	case len(v) != len("+00:00") || v[0] != '+' && v[0] != '-' || v[3] != ':':
		return false
	case !digit(v[1]) || !digit(v[2]) || !digit(v[4]) || !digit(v[5]):
		return false
	}
	return string(v[1:3]) < "24" && v[4] < '6'
}

func digit(c byte) bool { return c >= '0' && c <= '9' }
