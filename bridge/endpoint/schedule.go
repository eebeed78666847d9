package endpoint

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hookspan/hookspan/bridge/setting"
)

// Limits of a schedule.
const (
	mostWaits    = 100  // of a list
	mostAttempts = 1000 // of a rule
	longestWait  = 8760 * time.Hour
	mostFactor   = 1000
)

// A Schedule says how long a delivery waits between its attempts: a list of waits, or a rule that
// they follow. The zero value is a single attempt.
type Schedule struct {
	waits setting.Durations // the list; nil beside a rule
	rule  string            // as it was given; "" beside a list

	// Of a rule.
	first, step, max time.Duration
	factor           float64
	attempts         int
}

// Waits is the schedule of a list.
func Waits(list ...time.Duration) Schedule { return Schedule{waits: list} }

const wantedSchedule = setting.Wanted("positive durations such as 1m,5m,1h, or exponential(1m, 2, 6h, 10) or linear(1m, 5m, 1h, 12)")

// Parse takes positive durations, separated by commas, or a rule: exponential(first, factor, max,
// attempts) or linear(first, step, max, attempts).
func (s *Schedule) Parse(text string) error {
	*s = Schedule{}
	if rule, _ := strings.CutSuffix(text, setting.ItemEnd); strings.Contains(rule, "(") && !strings.Contains(rule, setting.ItemEnd) {
		return s.parseRule(rule)
	}
	if strings.TrimSpace(text) == "" { // a single attempt is an empty list, or a comma
		return wantedSchedule
	}
	return s.waits.Parse(text)
}

// parseRule takes a rule apart.
func (s *Schedule) parseRule(text string) error {
	text = strings.TrimSpace(text)
	name, rest, _ := strings.Cut(text, "(")
	inside, closed := strings.CutSuffix(rest, ")")
	args := strings.Split(inside, ",")
	for i := range args {
		args[i] = strings.TrimSpace(args[i])
	}
	r := Schedule{rule: text, factor: 1}
	var err error
	switch {
	case name != "exponential" && name != "linear" || !closed:
		return wantedSchedule
	case len(args) != 4 && name == "exponential":
		return setting.Wanted("four values: exponential(first, factor, max, attempts), such as exponential(1m, 2, 6h, 10)")
	case len(args) != 4:
		return setting.Wanted("four values: linear(first, step, max, attempts), such as linear(1m, 5m, 1h, 12)")
	case name == "exponential":
		if r.factor, err = strconv.ParseFloat(args[1], 64); err != nil || strings.Trim(args[1], "0123456789.") != "" || !(r.factor >= 1 && r.factor <= mostFactor) {
			return setting.Wanted("a factor between 1 and " + strconv.Itoa(mostFactor) + " as the second value, such as 2 or 1.5")
		}
	default:
		if r.step, err = setting.ParseDuration(args[1]); err != nil || r.step > longestWait {
			return setting.Wanted("a step between 0s and " + setting.FormatDuration(longestWait) + " as the second value, such as 5m")
		}
	}
	if r.first, err = setting.ParseDuration(args[0]); err != nil || r.first <= 0 {
		return setting.Wanted("a positive duration as the first value, the wait after the first attempt, such as 1m")
	}
	if r.max, err = setting.ParseDuration(args[2]); err != nil || r.max < r.first || r.max > longestWait {
		return setting.Wanted("a duration between the first wait and " + setting.FormatDuration(longestWait) + " as the third value, the longest wait, such as 6h")
	}
	if r.attempts, err = strconv.Atoi(args[3]); err != nil || strings.Trim(args[3], "0123456789") != "" || r.attempts < 1 || r.attempts > mostAttempts {
		return setting.Wanted("a whole number between 1 and " + strconv.Itoa(mostAttempts) + " as the fourth value, the attempts with the first one")
	}
	*s = r
	return nil
}

// OfKind is setting.KindListOrText.
func (Schedule) OfKind() setting.Kind { return setting.KindListOrText }

// Show is the rule as it was given, or the list.
func (s Schedule) Show() any {
	if s.rule != "" {
		return s.rule
	}
	return s.waits.Show()
}

// Check holds a list to its limits; what is wrong with a rule Parse says.
func (s Schedule) Check() (faults []setting.Fault) {
	if len(s.waits) > mostWaits {
		return []setting.Fault{{Message: "has " + strconv.Itoa(len(s.waits)) + " items; " + strconv.Itoa(mostWaits) + " are allowed, a rule such as linear(1m, 0s, 1m, 500) has more"}}
	}
	for i, wait := range s.waits {
		if wait <= 0 || wait > longestWait {
			faults = append(faults, setting.Fault{Field: at("", i), Message: "must be more than 0s and at most " + setting.FormatDuration(longestWait)})
		}
	}
	return faults
}

// Equal reports whether both were given alike.
func (s Schedule) Equal(o Schedule) bool { return s.rule == o.rule && slices.Equal(s.waits, o.waits) }

// Attempts is how many there are, with the first.
func (s Schedule) Attempts() int {
	if s.rule != "" {
		return s.attempts
	}
	return len(s.waits) + 1
}

// Wait is how long a delivery waits after an attempt, which are counted from 1; false after the
// last one.
func (s Schedule) Wait(after int) (time.Duration, bool) {
	n := after - 1
	switch {
	case n < 0 || after >= s.Attempts():
		return 0, false
	case s.rule == "":
		return s.waits[n], true
	}
	wait := float64(s.first)*math.Pow(s.factor, float64(n)) + float64(s.step)*float64(n)
	if wait >= float64(s.max) { // also where it is beyond all numbers
		return s.max, true
	}
	return time.Duration(wait), true
}

// Waits are all of them.
func (s Schedule) Waits() setting.Durations {
	if s.rule == "" {
		return s.waits
	}
	all := make(setting.Durations, 0, s.attempts-1)
	for n := 1; ; n++ {
		wait, ok := s.Wait(n)
		if !ok {
			return all
		}
		all = append(all, wait)
	}
}

// scheduleOf is what a record keeps: where its waits are not those of the rule, a version that
// does not know rules has replaced them.
func scheduleOf(waits setting.Durations, rule string) Schedule {
	var s Schedule
	if rule != "" && s.parseRule(rule) == nil && slices.Equal(s.Waits(), waits) {
		return s
	}
	return Schedule{waits: waits}
}
