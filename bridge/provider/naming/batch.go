package naming

import (
	"github.com/hookspan/hookspan/bridge/scheme"
	"github.com/hookspan/hookspan/bridge/scheme/pointer"
)

// Events returns the events of a request: one, or one for each element of the provider's
// array. The attributes of an element are looked for in the element.
func (b *Builder) Events(x *scheme.Exchange) []Event {
	if b.KeepsAttributes() {
		return b.cloudevents(x)
	}
	fault := b.faultOf(x)
	if b.batch == nil || fault != "" {
		return []Event{b.build(x, fault)}
	}
	x.Scan()
	array := x.Values[*b.batch]
	if array.Kind != pointer.Array {
		return []Event{b.build(x, "it holds no array of events")}
	}
	var events []Event
	one := &scheme.Exchange{Values: make([]pointer.Value, len(x.Values))}
	short := false
	pointer.Elements(array, func(v pointer.Value) {
		if short = short || !x.Take(memberCost); short {
			return
		}
		one.Reset(x.Setup, x.Request)
		one.Held, one.Member = x.Held, true
		one.DecryptedTo(v.Raw)
		e := b.build(one, "")
		e.DataContentType = "application/json"
		events = append(events, e)
	})
	tellApart(events)
	return events
}
