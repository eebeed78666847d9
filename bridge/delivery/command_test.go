package delivery

import (
	"errors"
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
		"a newer format":  {`{"v":2,"k":"retry"}`, true},
		"an unknown kind": {`{"v":1,"k":"drain"}`, true},
		"half a record":   {`{"v":1,`, false},
	} {
		if _, err := DecodeCommand([]byte(c.data)); err == nil || errors.Is(err, bus.ErrNewerFormat) != c.newer {
			t.Errorf("%s: error %v", name, err)
		}
	}
}
