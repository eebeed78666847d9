//go:build disks || fleets

package fault_test

import (
	"flag"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hookspan/hookspan/cmd/hookspan/fault"
	"github.com/hookspan/hookspan/sinks/porttest"
)

var events = flag.Int("fault.events", number("FAULT_EVENTS", 500), "events past a dead endpoint (also FAULT_EVENTS; memory shows from 100,000 on)")

// A dead endpoint beside a healthy one: memory and the healthy one's latency are as without
// it, whether the dead one hangs or refuses connections. It runs alone, for its figures.
func TestFaultDeadEndpoint(t *testing.T) {
	alone := deadRun(t, "none", func(string) []string { return nil })
	hanging := deadRun(t, "hanging", func(url string) []string { return patient("dead", url+"/dead") })
	refused := deadRun(t, "refused", func(string) []string { return patient("dead", nowhere(t)) })
	// The machine of a test is busy with other things too; a dead endpoint that holds up the
	// healthy one costs seconds, and one whose events stay in memory a kilobyte for each.
	most := 4*alone.Latency.P99 + fault.Milliseconds(250*time.Millisecond)
	memory := alone.Memory + 64<<20
	for name, beside := range map[string]deadFigures{"hanging": hanging, "refused": refused} {
		if beside.Latency.P99 > most {
			t.Errorf("beside one that is %s the healthy endpoint's p99 is %v, and %v without", name, time.Duration(beside.Latency.P99), time.Duration(alone.Latency.P99))
		}
		if beside.Memory > memory {
			t.Errorf("beside one that is %s the process has taken %d MB, and %d MB without", name, beside.Memory>>20, alone.Memory>>20)
		}
	}
}

// patient configures an endpoint with the default schedule and timeout.
func patient(name, url string) []string {
	block := "HOOKSPAN_ENDPOINT_" + strings.ToUpper(name)
	return []string{block + "_URL=" + url, block + "_SECRETS=" + fault.SigningSecret}
}

// nowhere is the URL of a port that nobody listens on.
func nowhere(t *testing.T) string {
	return "http://" + porttest.Addresses(t, 1)[0] + "/dead"
}

// deadFigures are what one run measured.
type deadFigures struct {
	Events  int          `json:"events"`
	Latency fault.Spread `json:"latency"` // from just before a webhook is sent to its arrival
	Memory  int64        `json:"memory_bytes"`
	Rate    float64      `json:"events_per_s"`
}

func deadRun(t *testing.T, beside string, dead func(url string) []string) (f deadFigures) {
	t.Helper()
	t.Run(beside, func(t *testing.T) {
		w := newWorld(t, t.TempDir(), func(url string) []string {
			env, endpoints := dead(url), "HOOKSPAN_ENDPOINTS=steady"
			if len(env) > 0 {
				endpoints += ",dead"
			}
			return slices.Concat(env, fault.ImpatientEnviron("steady", url+"/steady"), []string{endpoints})
		})
		w.receiver.Set(map[string]fault.Mood{"dead": {Hang: 1}})
		w.driver.Size = 900
		child := w.ready()
		flow := fault.NewFlow(w.driver, "steady", *events, 64)
		w.receiver.Arrived = flow.Arrived
		began := time.Now()
		if err := flow.Run(w.within(time.Hour), 16); err != nil {
			w.Fatalf("%v; %d of %d have arrived", err, len(flow.Times()), *events)
		}
		f = deadFigures{Events: *events, Rate: float64(*events) / time.Since(began).Seconds(), Latency: fault.SpreadOf(flow.Times())}
		var err error
		f.Memory, err = child.Memory()
		w.must(err)
		w.noFaults(w.oracle.Verdict())
		w.figures("dead_endpoint", map[string]any{"beside": beside, "result": f})
	})
	return f
}
