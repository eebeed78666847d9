package delivery

import (
	"strings"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/event"
)

// A report is what Hookspan tells of deliveries: an operations event, a dead letter, whichever
// installation's, and what becomes of either on its way as a webhook. It is known by itself, not by
// where it lies, since it comes back under any topic.
const (
	// ReportHeader is on requests with nothing but reports: their content may not say it.
	ReportHeader = "Hookspan-Report"
	// ExtensionReport is of an event that came by such a request.
	ExtensionReport = "hookspanreport"

	opsTypes = "hookspan." // what types of operations events begin with
)

// IsReport reports whether an event is a report.
func IsReport(e *event.Event) bool {
	return e.Source == OpsSource && strings.HasPrefix(e.Type, opsTypes) ||
		e.Extension(ExtensionDelivery) != "" && e.Extension(ExtensionReason) != "" ||
		e.Extension(ExtensionReport) != ""
}

// Telling names the topics on which Hookspan tells of deliveries.
type Telling struct{ Dead, Ops string }

// About is the name of the endpoint that an event of ours is about, "" for every other event.
// What is told about an endpoint is never for that endpoint.
func (t Telling) About(m *bus.Message) string {
	switch m.Topic {
	case t.Dead:
		return m.Event.Extension(ExtensionEndpoint)
	case t.Ops:
		return m.Event.Subject
	}
	return ""
}
