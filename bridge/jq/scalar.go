package jq

import (
	"math"
	"strings"
	"time"

	"github.com/itchyny/timefmt-go"
)

func fromJSON(m *machine, in any, _ []any) (any, error) {
	s, ok := in.(string)
	if !ok {
		return nil, throw("a value of type " + typeOf(in) + " is no JSON; a text may be")
	}
	if err := m.make(16 * len(s)); err != nil {
		return nil, err
	}
	v, ok := Decode(s)
	if !ok {
		return nil, throw("the text is no JSON")
	}
	return v, nil
}

func toNumber(m *machine, in any, _ []any) (any, error) {
	if kindOf(in) == kindNumber {
		return in, nil
	}
	s, ok := in.(string)
	if !ok {
		return nil, throw("a value of type " + typeOf(in) + " is no number")
	}
	if err := m.make(len(s)); err != nil {
		return nil, err
	}
	d := decoder{text: s}
	v, ok := d.number()
	if !ok || d.at != len(s) {
		return nil, throw("the text is no number")
	}
	return v, nil
}

func toBoolean(_ *machine, in any, _ []any) (any, error) {
	switch in {
	case true, "true":
		return true, nil
	case false, "false":
		return false, nil
	}
	return nil, throw("a value of type " + typeOf(in) + " is neither true nor false")
}

func texts(f func(s, t string) any) plain {
	return func(m *machine, in any, args []any) (any, error) {
		s, ok := in.(string)
		t, also := args[0].(string)
		if !ok || !also {
			return nil, wrong("held against each other as texts", in, args[0])
		}
		return f(s, t), m.make(len(t))
	}
}

// trim leaves what is no text as it is.
func trim(f func(s, t string) string) plain {
	return func(m *machine, in any, args []any) (any, error) {
		s, ok := in.(string)
		t, also := args[0].(string)
		if !ok || !also {
			return nil, wrong("trimmed", in, args[0])
		}
		return f(s, t), m.make(len(t))
	}
}

func onText(f func(string) string) plain {
	return func(m *machine, in any, _ []any) (any, error) {
		s, ok := in.(string)
		if !ok {
			return nil, throw("a value of type " + typeOf(in) + " is no text")
		}
		if err := m.make(2 * len(s)); err != nil {
			return nil, err
		}
		return f(s), nil
	}
}

func lower(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, s)
}

func upper(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' {
			return r + 'A' - 'a'
		}
		return r
	}, s)
}

func splitText(m *machine, in, sep any) (any, error) {
	s, ok := in.(string)
	t, also := sep.(string)
	if !ok || !also {
		return nil, wrong("split", in, sep)
	}
	return m.split(s, t)
}

func onNumber(f func(float64) float64) plain {
	return func(_ *machine, in any, _ []any) (any, error) {
		x, ok := float(in)
		if !ok {
			return nil, throw("a value of type " + typeOf(in) + " is no number")
		}
		return tidy(f(x)), nil
	}
}

func abs(_ *machine, in any, _ []any) (any, error) {
	x, ok := float(in)
	if !ok {
		return nil, throw("a value of type " + typeOf(in) + " is no number")
	}
	if x < 0 {
		return negate(in), nil
	}
	return in, nil
}

// tidy is a number without a fraction as an int.
func tidy(x float64) any {
	if x == math.Trunc(x) && math.Abs(x) < 1<<53 && (x != 0 || !math.Signbit(x)) {
		return int(x)
	}
	return x
}

func ofNumber(f func(float64) bool) plain {
	return func(_ *machine, in any, _ []any) (any, error) {
		x, ok := float(in)
		return ok && f(x), nil
	}
}

func constantly(v any) plain { return func(*machine, any, []any) (any, error) { return v, nil } }

func power(_ *machine, _ any, args []any) (any, error) {
	x, y, ok := floats(args[0], args[1])
	if !ok {
		return nil, wrong("powers of each other", args[0], args[1])
	}
	return tidy(math.Pow(x, y)), nil
}

const wantedTime = "is no time: want seconds since 1970, or year, month (from 0), day, hours, minutes and seconds"

// moment is a time as jq has it: seconds, or its parts.
func moment(in any) (time.Time, error) {
	if x, ok := float(in); ok {
		seconds := math.Floor(x)
		if math.IsNaN(x) || math.Abs(seconds) > 1e12 {
			return time.Time{}, throw(wantedTime)
		}
		return time.Unix(int64(seconds), int64((x-seconds)*1e9)).UTC(), nil
	}
	list, _ := in.([]any)
	var parts [6]int
	if len(list) < len(parts) {
		return time.Time{}, throw(wantedTime)
	}
	for i := range parts {
		x, ok := float(list[i])
		if !ok || math.IsNaN(x) || math.Abs(x) > 1e6 {
			return time.Time{}, throw(wantedTime)
		}
		parts[i] = int(math.Floor(x))
	}
	seconds, _ := float(list[5])
	nanos := int((seconds - math.Floor(seconds)) * 1e9)
	return time.Date(parts[0], time.Month(parts[1]+1), parts[2], parts[3], parts[4], parts[5], nanos, time.UTC), nil
}

func gmTime(_ *machine, in any, _ []any) (any, error) {
	if kindOf(in) != kindNumber {
		return nil, throw("a value of type " + typeOf(in) + " is no number of seconds")
	}
	t, err := moment(in)
	if err != nil {
		return nil, err
	}
	return timeParts(t), nil
}

func timeParts(t time.Time) []any {
	seconds := tidy(float64(t.Second()) + float64(t.Nanosecond())/1e9)
	return []any{t.Year(), int(t.Month()) - 1, t.Day(), t.Hour(), t.Minute(), seconds, int(t.Weekday()), t.YearDay() - 1}
}

func mkTime(_ *machine, in any, _ []any) (any, error) {
	if kindOf(in) != kindArray {
		return nil, throw("a value of type " + typeOf(in) + " " + wantedTime)
	}
	t, err := moment(in)
	if err != nil {
		return nil, err
	}
	return tidy(float64(t.Unix()) + float64(t.Nanosecond())/1e9), nil
}

// maxLayout bounds how a time is written, in bytes: each may stand for many.
const maxLayout = 200

func layout(m *machine, v any) (string, error) {
	s, ok := v.(string)
	if !ok || len(s) > maxLayout {
		return "", throw("want a text of at most 200 bytes that says how the time is written, such as %Y-%m-%dT%H:%M:%SZ")
	}
	return s, m.spend(1 + len(s))
}

func formatTime(m *machine, in any, args []any) (any, error) {
	how, err := layout(m, args[0])
	if err != nil {
		return nil, err
	}
	t, err := moment(in)
	if err != nil {
		return nil, err
	}
	text := timefmt.Format(t, how)
	return text, m.make(len(text))
}

func parseTime(m *machine, in any, args []any) (any, error) {
	how, err := layout(m, args[0])
	if err != nil {
		return nil, err
	}
	s, ok := in.(string)
	if !ok || len(s) > maxLayout {
		return nil, throw("a value of type " + typeOf(in) + " is no time that can be read")
	}
	t, err := timefmt.ParseInLocation(s, how, time.UTC)
	if err != nil {
		return nil, throw("the text is not written like the time that is wanted")
	}
	return timeParts(t.UTC()), nil
}
