package naming

import (
	"cmp"
	"unicode/utf8"

	"github.com/hookspan/hookspan/bridge/scheme"
	"github.com/hookspan/hookspan/bridge/scheme/pointer"
)

// Events returns the events of a request: one, or one for each element of the provider's
// array. The attributes of an element are looked for in the element. A single one is made in
// room, the memory of another request's, as far as there is any.
func (b *Builder) Events(x *scheme.Exchange, room []Event) []Event {
	if b.KeepsAttributes() {
		return b.cloudevents(x)
	}
	if !b.batch.Given() {
		return b.single(x, b.faultOf(x), room)
	}
	array := b.batch.Within(x.Document())
	if array.Kind != pointer.Array {
		return b.single(x, cmp.Or(b.faultOf(x), "it holds no array of events"), room)
	}
	var events []Event
	one := &scheme.Exchange{Values: make([]pointer.Value, len(x.Values))}
	short, faults, headers := false, 0, ""
	pointer.Elements(array, func(v pointer.Value) {
		if short = short || !x.Take(memberCost); short {
			return
		}
		one.Reset(x.Setup, x.Request)
		one.Held, one.Member = x.Held, true
		e := b.member(one, v.Raw)
		if e.Invalid != "" && faults < maxFaulty { // the same for all; a long batch of these would be many times as long
			if faults++; faults == 1 {
				headers = b.headersOf(x)
			}
			keepHeaders(&e.Event, headers)
		}
		events = append(events, e)
	})
	tellApart(events)
	return events
}

// member is the event of an element, which is at fault by itself.
func (b *Builder) member(one *scheme.Exchange, raw []byte) Event {
	one.DecryptedTo(raw)
	fault := ""
	if !utf8.Valid(raw) {
		fault = "it holds bytes that are no UTF-8"
	}
	e := b.build(one, fault, nil)
	e.DataContentType = "application/json"
	return e
}

func (b *Builder) single(x *scheme.Exchange, fault string, room []Event) []Event {
	if cap(room) == 0 {
		room = make([]Event, 1)
	}
	room = room[:1]
	if room[0] = b.build(x, fault, room[0].Extensions); room[0].Invalid != "" {
		keepHeaders(&room[0].Event, b.headersOf(x))
	}
	return room
}
