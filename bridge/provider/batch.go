package provider

import (
	"github.com/hookspan/hookspan/bridge/provider/pointer"
)

// events returns the events of a request: one, or one for each element of the provider's
// array. The attributes of an element are looked for in the element.
func (b *builder) events(x *exchange) []Event {
	fault := b.faultOf(x)
	if b.batch == nil || fault != "" {
		return []Event{b.build(x, fault)}
	}
	x.scan()
	array := x.values[*b.batch]
	if array.Kind != pointer.Array {
		return []Event{b.build(x, "it holds no array of events")}
	}
	var events []Event
	one := &exchange{values: make([]pointer.Value, len(x.values))}
	short := false
	pointer.Elements(array, func(v pointer.Value) {
		if short = short || !x.take(memberCost); short {
			return
		}
		one.reset(x.v, x.req)
		one.held, one.member = x.held, true
		one.decryptedTo(v.Raw)
		e := b.build(one, "")
		e.DataContentType = "application/json"
		events = append(events, e)
	})
	tellApart(events)
	return events
}
