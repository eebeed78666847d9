package delivery

import "github.com/hookspan/hookspan/bridge/bus"

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
