package event

import (
	"errors"
	"iter"
	"net/url"
	"strings"
	"time"
)

// A Carrier is a message as it lies on a topic, apart from its headers.
type Carrier struct {
	Topic  string
	Stored time.Time
	Data   []byte
	// Names returns the bus's own id of the message, "" when it has none, and its place, which
	// names it for good.
	Names func() (id, place string)
}

// Taken is the event that was made of a message.
type Taken struct {
	Event Event
	Flaws []Flaw // attributes that were left out
	// Fault says why a message that is meant to be an event is none; then Event holds what was
	// legible and the message's data as it came, and is nobody's but the quarantine's.
	Fault string
	// Likeness says in which way a message that was wrapped looks like an event.
	Likeness string
}

// Take makes the event of a message on a topic. One that is no CloudEvent at all is wrapped:
// type is the topic's name, source is /topics/<topic>, id the message's own id or else its
// place, time when it was stored. The same message always gives the same event, which keeps
// the data.
func Take(b Binding, fields iter.Seq2[string, string], c Carrier) Taken {
	e, flaws, err := Read(b, fields, c.Data)
	if err == nil {
		return Taken{Event: e, Flaws: flaws}
	}
	bad, meant := errors.AsType[*InvalidError](err)
	if !meant {
		return Taken{Event: c.event(Event{DataContentType: contentTypeOf(fields)}), Likeness: likeness(b, fields, c.Data)}
	}
	return Taken{Event: c.event(bad.Legible), Fault: bad.Reason}
}

// event completes what is known of the message's event.
func (c *Carrier) event(e Event) Event {
	if e.ID == "" {
		id, place := c.Names()
		if e.ID = id; id == "" || !Allowed(id) {
			e.ID = place
		}
	}
	if e.Source == "" {
		e.Source = "/topics/" + url.PathEscape(c.Topic)
	}
	if e.Type == "" {
		e.Type = Clean(c.Topic)
	}
	if e.Time.IsZero() {
		e.Time = c.Stored.UTC()
	}
	if len(c.Data) > 0 {
		e.Data = c.Data
	}
	if !IsMediaType(e.DataContentType) {
		e.DataContentType = GuessContentType(e.Data)
	}
	return e
}

func contentTypeOf(fields iter.Seq2[string, string]) string {
	for name, value := range fields {
		if strings.EqualFold(name, "content-type") && Allowed(value) {
			return value
		}
	}
	return ""
}
