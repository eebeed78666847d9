package setting

import (
	"strconv"
	"strings"
	"time"
)

// A Quota is the most of something within any interval of a length; the zero value is no limit.
type Quota struct {
	Count int           `json:"count,omitzero"`
	Per   time.Duration `json:"per,omitzero"`
}

const mostQuota = 1_000_000

const wantedQuota = Wanted("a whole number up to 1000000 per s, m or h, such as 10/h")

// Parse takes a whole number per second, minute or hour: "10/h". The empty text is no limit.
func (q *Quota) Parse(text string) error {
	*q = Quota{}
	if text = strings.TrimSpace(text); text == "" {
		return nil
	}
	count, unit, _ := strings.Cut(text, "/")
	n, err := strconv.Atoi(count)
	per := quotaUnits()[unit]
	if err != nil || strings.Trim(count, "0123456789") != "" || n < 1 || n > mostQuota || per == 0 {
		return wantedQuota
	}
	*q = Quota{Count: n, Per: per}
	return nil
}

func quotaUnits() map[string]time.Duration {
	return map[string]time.Duration{"s": time.Second, "m": time.Minute, "h": time.Hour}
}

// OfKind is KindQuota.
func (Quota) OfKind() Kind { return KindQuota }

// Check holds it to what Parse takes.
func (q Quota) Check() []Fault {
	if q == (Quota{}) || q.Count >= 1 && q.Count <= mostQuota && q.String() != "" {
		return nil
	}
	return []Fault{{"", wantedQuota.Error()}}
}

// Show is null where there is no limit.
func (q Quota) Show() any {
	if text := q.String(); text != "" {
		return text
	}
	return nil
}

// String is what Parse reads.
func (q Quota) String() string {
	for unit, per := range quotaUnits() {
		if per == q.Per {
			return strconv.Itoa(q.Count) + "/" + unit
		}
	}
	return ""
}
