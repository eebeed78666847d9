package delivery

import (
	"strings"
	"testing"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/event"
)

// Whatever attributes an event has, what is written of it is small; and so is what a version wrote that
// cut nothing, once it is read.
func TestReferencesAreShort(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("ü", 100_000)
	whole := EventRef{ID: long, Source: "/" + long, Type: "t" + long, Subject: "s" + long, Topic: "events", Partition: "events"}
	want := RefOf(&bus.Message{Topic: "events", Partition: "events", Event: &event.Event{ID: whole.ID, Source: whole.Source, Type: whole.Type, Subject: whole.Subject}})
	if n := len(want.ID) + len(want.Source) + len(want.Type) + len(want.Subject); n > 4*event.MaxShort || want.ID == whole.ID {
		t.Fatalf("a reference has %d bytes", n)
	}
	read := map[string]EventRef{"copy": whole.Compact()}
	entry := Entry{ID: "dlv_1", Event: whole}
	entry.Share()
	read["entry"] = entry.Event
	err := DecodeAttempts(AppendAttempt(NewBatch(1), &Attempt{Delivery: "dlv_1", Number: 1, Event: whole}), func(a Attempt) error {
		read["record"] = a.Event
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	data, err := Command{Kind: RetryNow, Entry: Entry{ID: "dlv_1", Event: whole}, Entries: []Entry{{ID: "dlv_1", Event: whole}}}.Encode()
	if err != nil {
		t.Fatal(err)
	}
	c, err := DecodeCommand(data)
	if err != nil {
		t.Fatal(err)
	}
	read["command"], read["command about many"] = c.Entry.Event, c.Entries[0].Event
	for what, ref := range read {
		if ref != want {
			t.Errorf("the reference of the %s is another one", what)
		}
		if ID("ep", &ref) != ID("ep", &want) {
			t.Errorf("the %s names another delivery", what)
		}
	}
}
