package server

import (
	"bytes"
	"strings"
	"testing"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/cmd/hookspan/cli"
)

// Other users of the account choose what their connections are called.
func TestAFindingIsOneLine(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	d := &doctor{Terminal: &cli.Terminal{Out: &out}}
	if err := d.tell(bus.Finding{Subject: "other users", Verdict: bus.Warning, Detail: "1 is connected (ev\x1b[31mil\nok       fake: fine\r)"}); err != nil {
		t.Fatal(err)
	}
	if got := out.String(); strings.Count(got, "\n") != 1 || strings.ContainsAny(got, "\x1b\r") || !strings.Contains(got, "; ok       fake") {
		t.Errorf("%q", got)
	}
}
