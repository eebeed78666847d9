package delivery

import (
	"slices"
	"strings"

	"github.com/hookspan/hookspan/bridge/event"
)

// Extensions that Hookspan gives an event that it sets aside: one whose delivery was given up (a
// dead letter), one that goes to the quarantine.
const (
	ExtensionEndpoint = "hookspanendpoint" // of a dead letter: the name of who did not take the event
	ExtensionDelivery = "hookspandelivery" // the delivery that was given up
	ExtensionAttempts = "hookspanattempts" // that were made
	ExtensionReason   = "hookspanreason"
	ExtensionDetail   = "hookspandetail"
	ExtensionTopic    = "hookspantopic"  // where the event lay, or would have gone
	ExtensionSource   = "hookspansource" // of the quarantine: the source that took it
	ExtensionPlace    = "hookspanplace"
	ExtensionHeaders  = "hookspanheaders"

	// Of one that is cut short, how many bytes there were.
	ExtensionCutAttributes = "hookspancutattributes"
	ExtensionCutData       = "hookspancutdata"
)

// setAside are the extensions that an event has only while it is aside.
var setAside = [...]string{
	ExtensionEndpoint, ExtensionDelivery, ExtensionAttempts, ExtensionReason, ExtensionDetail,
	ExtensionTopic, ExtensionSource, ExtensionPlace, ExtensionHeaders, ExtensionCutAttributes, ExtensionCutData,
}

// SetAside reports whether an extension of this name says why and how an event is aside.
func SetAside(name string) bool { return slices.Contains(setAside[:], name) }

// Restored is an event as it was before it was set aside.
func Restored(e *event.Event) *event.Event {
	was := *e
	was.Extensions = slices.DeleteFunc(slices.Clone(e.Extensions), func(x event.Extension) bool { return SetAside(x.Name) })
	return &was
}

// What became of an event that was set aside is told behind it, on its own topic, by an event of
// this source whose type begins so. It is for no endpoint.
const (
	OpsSource = "/hookspan"
	MarkTypes = "hookspan.aside."
)

// IsMark reports whether an event tells what became of one that was set aside.
func IsMark(e *event.Event) bool {
	return e.Source == OpsSource && strings.HasPrefix(e.Type, MarkTypes)
}
