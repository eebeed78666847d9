package delivery

import (
	"errors"
	"strconv"
	"strings"
	"testing"

	"github.com/hookspan/hookspan/bridge/bus"
)

// A command that this version does not understand is not taken for one that asks for nothing.
func TestDecodeCommandRefuses(t *testing.T) {
	t.Parallel()
	data, err := Command{Kind: RetryNow, Entry: Entry{ID: "dlv_1"}, Revision: 7}.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if c, err := DecodeCommand(data); err != nil || c.Entry.ID != "dlv_1" || c.Revision != 7 {
		t.Errorf("got %+v, error %v", c, err)
	}
	for name, c := range map[string]struct {
		data  string
		newer bool
	}{
		"a newer format":  {`{"v":3,"k":"retry"}`, true},
		"an unknown kind": {`{"v":1,"k":"merge"}`, true},
		"half a record":   {`{"v":1,`, false},
	} {
		if _, err := DecodeCommand([]byte(c.data)); err == nil || errors.Is(err, bus.ErrNewerFormat) != c.newer {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

// What is asked of many deliveries is written as several records that a bus takes; who reads one
// knows all that it names. One delivery is written as the format before has it.
func TestACommandAboutManyIsSplit(t *testing.T) {
	t.Parallel()
	c := Command{Kind: Cancel, Revision: 7}
	for n := range 1000 {
		c.Entries = append(c.Entries, Entry{ID: "dlv_" + strconv.Itoa(n), Event: EventRef{Subject: strings.Repeat("s", 2000)}})
	}
	next := 0
	for _, part := range c.Split() {
		data, err := part.Encode()
		if err != nil {
			t.Fatal(err)
		}
		if len(data) > 256<<10 {
			t.Errorf("a record of %d bytes", len(data))
		}
		read, err := DecodeCommand(data)
		if err != nil {
			t.Fatal(err)
		}
		if read.Kind != Cancel || read.Revision != 7 || read.Version != 2 {
			t.Errorf("read %s at revision %d in format %d", read.Kind, read.Revision, read.Version)
		}
		for _, e := range read.All() {
			if e.ID != "dlv_"+strconv.Itoa(next) {
				t.Fatalf("%s is read as number %d", e.ID, next)
			}
			next++
		}
	}
	if next != 1000 {
		t.Errorf("%d deliveries are named, want 1000", next)
	}
	one := Command{Kind: RetryNow, Entry: Entry{ID: "dlv_1"}}
	if parts := one.Split(); len(parts) != 1 || len(parts[0].All()) != 1 || parts[0].All()[0].ID != "dlv_1" {
		t.Errorf("one delivery is split into %v", parts)
	}
	if data, err := one.Encode(); err != nil || !strings.HasPrefix(string(data), `{"v":1,`) {
		t.Errorf("encoded as %s, error %v", data, err)
	}
}
