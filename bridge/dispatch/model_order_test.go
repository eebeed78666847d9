package dispatch_test

import (
	"fmt"
	"time"
)

// disordered names two events of a key of which the second was sent before the first had ended, at
// an endpoint whose events are ordered. m.mu is held.
func (m *model) disordered() string {
	type story struct {
		began time.Time // its first attempt
		ended time.Time // the answer that ended it
		asked bool      // by an operator
		over  bool      // it has a final record, of whatever
	}
	final := m.final()
	for _, x := range m.parties {
		if !x.Ordered || x.deleted || len(x.former) > 0 {
			continue
		}
		told := map[string]*story{}
		for _, p := range m.w.posts {
			if p.endpoint != x.Name {
				continue
			}
			s := told[p.event]
			if s == nil {
				s = &story{began: p.began}
				told[p.event] = s
			}
			if p.began.Before(s.began) {
				s.began = p.began
			}
			if over := p.status/100 == 2 || p.status == 410; over && (s.ended.IsZero() || p.at.Before(s.ended)) {
				s.ended = p.at
			}
			s.asked, s.over = s.asked || m.retried[p.delivery], s.over || final[p.delivery]
		}
		ahead := map[string]*published{} // by partition and key
		for i, ev := range m.events {
			s := told[ev.id]
			if s == nil || s.asked {
				continue
			}
			line := fmt.Sprint(ev.partition, i%7) // the subject of dispatchtest.Event
			if first := ahead[line]; first != nil {
				end := told[first.id].ended
				if expired := end.IsZero() && told[first.id].over; !expired && (end.IsZero() || s.began.Before(end)) {
					return fmt.Sprintf("%s was sent to %s at %v, and %s before it, of the same key, ended at %v", ev.id, x.Name, s.began, first.id, end)
				}
			}
			ahead[line] = ev
		}
	}
	return ""
}
