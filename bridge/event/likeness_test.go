package event_test

import (
	"strings"
	"testing"

	"github.com/hookspan/hookspan/bridge/event"
)

// What looks like an event and is read as none is wrapped, and it is said why.
func TestWhatLooksLikeAnEventIsSaidTo(t *testing.T) {
	t.Parallel()
	const doc = `{"id":"1","source":"/s","data":{"a":[1,"}"]},"specversion":"1.0","type":"t"}`
	for name, c := range map[string]struct {
		binding       event.Binding
		headers, data string
		says          string // "" for what looks like nothing
	}{
		"JSON of another type":         {event.NATS, "content-type=application/json", doc, `the content type "application/json", and under application/cloudevents+json`},
		"and on Kafka":                 {event.Kafka, "content-type=text/plain; charset=utf-8", doc, `the content type "text/plain; charset=utf-8"`},
		"JSON that is cut short":       {event.NATS, "content-type=application/json", doc[:70], "the data is a JSON event"},
		"led by a byte order mark":     {event.NATS, "content-type=application/json", "\ufeff" + doc, "the data is a JSON event"},
		"another spelling":             {event.NATS, "", strings.Replace(doc, "specversion", "specVersion", 1), "the member specVersion"},
		"an array":                     {event.Kafka, "", "[" + doc + "]", "a JSON array of events"},
		"Kafka's headers on NATS":      {event.NATS, "ce_type=t\nce_id=1\nce_source=/s\nce_specversion=1.0", "{}", "the header ce_id would be an attribute of an event as ce-id"},
		"NATS's headers on Kafka":      {event.Kafka, "Ce-Type=t\nce-x=1", "{}", "the header Ce-Type would be an attribute of an event as ce_type"},
		"AMQP's":                       {event.Kafka, "cloudEvents:id=1", "{}", "the header cloudEvents:id would be an attribute of an event as ce_id"},
		"and its other form":           {event.NATS, "cloudEvents_source=/s", "{}", "as ce-source"},
		"no prefix":                    {event.NATS, "specversion=1.0\nid=1", "{}", "the header specversion would be an attribute of an event as ce-specversion"},
		"the word, further down":       {event.NATS, "content-type=application/json", `{"events":[` + doc + `]}`, ""},
		"the word, as a value":         {event.NATS, "", `{"a":"specversion","b":["specversion"]}`, ""},
		"the word, behind a fault":     {event.NATS, "", `{"a":,"specversion":"1.0"}`, ""},
		"the word, in a text":          {event.NATS, "", `it has no "specversion"`, ""},
		"extensions of another prefix": {event.NATS, "ce_x=1\nid=1\nsource=/s\ntype=t", `{"type":"t"}`, ""},
		"nothing":                      {event.Kafka, "", "", ""},
	} {
		got := take(c.binding, c.headers, c.data, "orders", "")
		if got.Fault != "" || got.Event.Type != "orders" || (got.Likeness == "") != (c.says == "") || !strings.Contains(got.Likeness, c.says) {
			t.Errorf("%s: type %s, likeness %q, want %q; fault %q", name, got.Event.Type, got.Likeness, c.says, got.Fault)
		}
	}
	if got := take(event.NATS, "", doc, "orders", ""); got.Likeness != "" || got.Event.Type != "t" {
		t.Errorf("an event: %+v", got)
	}
}
