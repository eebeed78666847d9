package setting

import (
	"strconv"
	"strings"
)

// Statuses of an HTTP answer, and ranges of them, separated by commas.
type Statuses []StatusRange

// A StatusRange is the first and the last of statuses that follow one another.
type StatusRange [2]int

const (
	leastStatus  = 200 // what is less ends no request
	mostStatus   = 999
	mostStatuses = 100
)

const wantedStatuses = Wanted("status codes between 200 and 999 and ranges of them, such as 200-299,404")

// Parse takes codes such as 404 and ranges such as 200-299.
func (s *Statuses) Parse(text string) error {
	*s = nil
	for i, item := range Items(text, ",") {
		first, last, isRange := strings.Cut(item, "-")
		if !isRange {
			last = first
		}
		r := StatusRange{status(first), status(last)}
		if !r.valid() {
			return itemError{i, wantedStatuses}
		}
		*s = append(*s, r)
	}
	return nil
}

// status is 0 for what is none.
func status(text string) int {
	text = strings.TrimSpace(text)
	if n, err := strconv.Atoi(text); err == nil && len(text) == 3 && text[0] != '+' && text[0] != '-' {
		return n
	}
	return 0
}

func (r StatusRange) valid() bool { return r[0] >= leastStatus && r[0] <= r[1] && r[1] <= mostStatus }

// OfKind is KindNumbers.
func (Statuses) OfKind() Kind { return KindNumbers }

// Show is a list of texts, never null.
func (s Statuses) Show() any {
	texts := make([]string, len(s))
	for i, r := range s {
		if texts[i] = strconv.Itoa(r[0]); r[0] != r[1] {
			texts[i] += "-" + strconv.Itoa(r[1])
		}
	}
	return texts
}

// Check holds them to what Parse takes.
func (s Statuses) Check() (faults []Fault) {
	if len(s) > mostStatuses {
		return []Fault{{"", "has " + strconv.Itoa(len(s)) + " items; " + strconv.Itoa(mostStatuses) + " are allowed, ranges need fewer"}}
	}
	for i, r := range s {
		if !r.valid() {
			faults = append(faults, Fault{"[" + strconv.Itoa(i) + "]", wantedStatuses.Error()})
		}
	}
	return faults
}

// Has reports whether a status is among them.
func (s Statuses) Has(status int) bool {
	for _, r := range s {
		if status >= r[0] && status <= r[1] {
			return true
		}
	}
	return false
}

// Common is the least status that both have, 0 for none.
func (s Statuses) Common(o Statuses) (least int) {
	for _, a := range s {
		for _, b := range o {
			if at := max(a[0], b[0]); at <= min(a[1], b[1]) && (least == 0 || at < least) {
				least = at
			}
		}
	}
	return least
}
