package root_test

import (
	"encoding/json"
	"testing"

	"github.com/hookspan/hookspan/cmd/hookspan/bench"
	"github.com/hookspan/hookspan/cmd/hookspan/cli"
)

// runBench runs a small benchmark and returns what it measured.
func runBench(t *testing.T, environ []string, args ...string) bench.Measurement {
	t.Helper()
	args = append(append([]string{"bench"}, args...), "--json", "--rounds", "1", "--connections", "4")
	out, errs, code := hookspan(t, environ, args...)
	var m bench.Measurement
	if err := json.Unmarshal([]byte(out), &m); err != nil || code != cli.ExitDone {
		t.Fatalf("%v: code %d: %v\n%s%s", args, code, err, out, errs)
	}
	return m
}

func TestBenchOnABusOfItsOwn(t *testing.T) {
	t.Parallel()
	for name, args := range map[string][]string{
		"publish": {"publish", "--events", "200"},
		"intake":  {"intake", "--events", "200"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := runBench(t, nil, args...)
			if m.Name != name || m.Bus != "embedded" || m.Sync != "group" || m.Events != 200 {
				t.Errorf("%+v", m)
			}
			if m.Throughput <= 0 || m.Baseline <= 0 || m.Ratio <= 0 || m.BarePublish <= 0 || m.PublishRatio <= 0 || m.P99 < m.P50 || m.P50 <= 0 {
				t.Errorf("not everything was measured: %+v", m)
			}
		})
	}
}
