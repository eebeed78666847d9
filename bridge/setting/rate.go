package setting

import (
	"math"
	"strconv"
	"strings"
)

// Rate is an exact limit; the zero value is none. What no burst means is for who limits.
type Rate struct {
	PerSecond float64 `json:"per_second,omitzero"`
	Burst     int     `json:"burst,omitzero"` // 0 where none was given
}

// Parse takes a number per second, minute or hour, and maybe a burst: "50/s", "3000/m",
// "50/s:20". The empty text is no limit.
func (r *Rate) Parse(text string) error {
	const wrong = wrongRate("a rate looks like 50/s, 3000/m or 50/s:20")
	*r = Rate{}
	text = strings.TrimSpace(text)
	if text == "" {
		return nil
	}
	rate, burst, hasBurst := strings.Cut(text, ":")
	count, unit, ok := strings.Cut(rate, "/")
	n, err := strconv.ParseFloat(count, 64)
	seconds, known := map[string]float64{"s": 1, "m": 60, "h": 3600}[unit]
	if !ok || !known || err != nil || n == 0 || strings.Trim(count, "0123456789.") != "" {
		return wrong
	}
	r.PerSecond = n / seconds
	if !hasBurst {
		return r.valid()
	}
	if r.Burst, err = strconv.Atoi(burst); err != nil {
		return wrong
	}
	if r.Burst == 0 {
		return wrongBurst
	}
	return r.valid()
}

const wrongBurst = wrongRate("has a burst that is not between 1 and 1000000")

type wrongRate string

func (w wrongRate) Error() string { return string(w) }

func (r Rate) valid() error {
	switch {
	case r == Rate{}:
		return nil
	case !(r.PerSecond > 0 && r.PerSecond <= 1e6):
		return wrongRate("must be more than none and at most 1000000/s")
	case r.Burst < 0 || r.Burst > 1e6:
		return wrongBurst
	}
	return nil
}

// OfKind is KindRate.
func (Rate) OfKind() Kind { return KindRate }

// Check holds it to what Parse takes.
func (r Rate) Check() []Fault {
	if err := r.valid(); err != nil {
		return []Fault{{"", err.Error()}}
	}
	return nil
}

// Show is null where there is no limit.
func (r Rate) Show() any {
	if text := r.String(); text != "" {
		return text
	}
	return nil
}

// String is what Parse reads, in the largest unit that needs no fraction.
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
	if r.Burst > 0 {
		text += ":" + strconv.Itoa(r.Burst)
	}
	return text
}
