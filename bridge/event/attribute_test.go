package event_test

import (
	"testing"
	"time"

	"github.com/hookspan/hookspan/bridge/event"
)

func TestAttribute(t *testing.T) {
	t.Parallel()
	e := &event.Event{
		ID: "1", Source: "/s", Type: "t", Time: time.Date(2018, 4, 26, 14, 48, 9, 0, time.FixedZone("", 7200)), DataContentType: "text/plain",
		Extensions: []event.Extension{{Name: "priority", Value: "7", Kind: event.Integer}, {Name: "empty"}},
	}
	for name, want := range map[string]string{
		"specversion": "1.0", "id": "1", "source": "/s", "type": "t", "time": "2018-04-26T14:48:09+02:00", "datacontenttype": "text/plain",
		"priority": "7", "empty": "", "subject": "-", "dataschema": "-", "data": "-", "Type": "-",
	} {
		value, kind, ok := e.Attribute(name)
		if ok != (want != "-") || ok && value != want || (kind == event.Integer) != (name == "priority") {
			t.Errorf("%s: %q %v %v, want %q", name, value, kind, ok, want)
		}
	}
	if _, _, ok := (&event.Event{}).Attribute("time"); ok {
		t.Error("an event without a time has one")
	}
	for name, is := range map[string]bool{"id": true, "tenant": true, "x1": true, "data": false, "": false, "Type": false, "a-b": false, "a b": false} {
		if event.IsAttributeName(name) != is {
			t.Errorf("%q: %v", name, !is)
		}
	}
}
