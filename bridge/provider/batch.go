package provider

import (
	"github.com/hookspan/hookspan/bridge/event"
	"github.com/hookspan/hookspan/bridge/provider/pointer"
)

// events returns the events of a request: one, or one for each element of the provider's
// array. The attributes of an element are looked for in the element; without an id there
// its id is the hash of the element.
func (b *builder) events(x *exchange) (events []event.Event, fault string) {
	fault = b.faultOf(x)
	if b.batch == nil || fault != "" {
		e, fault := b.build(x, fault)
		return []event.Event{e}, fault
	}
	x.scan()
	array := x.values[*b.batch]
	if array.Kind != pointer.Array {
		e, fault := b.build(x, "it holds no array of events")
		return []event.Event{e}, fault
	}
	one := &exchange{values: make([]pointer.Value, len(x.values))}
	pointer.Elements(array, func(v pointer.Value) {
		if fault != "" {
			return
		}
		one.reset(x.v, x.req)
		one.decryptedTo(v.Raw)
		var e event.Event
		e, fault = b.build(one, "")
		e.DataContentType = "application/json"
		events = append(events, e)
	})
	if fault != "" {
		e, fault := b.build(x, fault)
		return []event.Event{e}, fault
	}
	return events, ""
}
