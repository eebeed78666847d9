package journal

import (
	"slices"
	"strings"
	"time"
)

// A Type is an event type that was seen lately.
type Type struct {
	Type       string    `json:"type"`
	Topic      string    `json:"topic"`
	Deliveries int       `json:"deliveries"` // how many of those in the index
	Last       time.Time `json:"last"`       // when the newest of them came to be
}

// Types lists the types of the deliveries in the index, by name.
func (ix *Index) Types() []Type {
	type key struct{ kind, topic string }
	type seen struct {
		count int
		last  int64
	}
	found := map[key]seen{}
	ix.mu.RLock()
	for _, r := range ix.arrived {
		if !r.evicted {
			o := r.origin.Value()
			k := key{o.kind, o.topic}
			found[k] = seen{found[k].count + 1, max(found[k].last, r.created)}
		}
	}
	ix.mu.RUnlock()
	list := make([]Type, 0, len(found))
	for k, s := range found {
		list = append(list, Type{Type: k.kind, Topic: k.topic, Deliveries: s.count, Last: instant(s.last)})
	}
	slices.SortFunc(list, func(a, b Type) int {
		if c := strings.Compare(a.Type, b.Type); c != 0 {
			return c
		}
		return strings.Compare(a.Topic, b.Topic)
	})
	return list
}
