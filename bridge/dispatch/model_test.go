package dispatch_test

import (
	"flag"
	"fmt"
	"testing"
	"testing/cryptotest"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/dispatch/dispatchtest"
)

// A script is one life of an installation: what its users, its receivers, its bus and its
// machine do, in order. It is drawn as a whole before it is run, so that a failing one shrinks.
type script struct {
	Shards     int
	Partitions int
	Refuses    bool   // the bus refuses a record that does not follow, as JetStream does
	Offsets    bool   // it counts as Kafka does
	Leases     bool   // several processes share the shards; else each takes all
	Noise      int    // percent of the writes that go wrong
	Seed       uint64 // of how they do
	Steps      []act
}

// An act is one step; what A and B choose depends on the verb.
type act struct {
	Verb string
	A, B int
	Wait time.Duration // afterwards
}

func (a act) String() string { return fmt.Sprintf("{%s %d %d %v}", a.Verb, a.A, a.B, a.Wait) }

// verbs, as often as they are to be drawn.
var verbs = map[string]int{
	"publish": 10, "create": 3, "filter": 3, "state": 3, "delete": 1, "receiver": 5, "command": 2,
	"kill": 4, "stop": 2, "start": 3, "zombie": 2, "freeze": 1, "thaw": 2, "noise": 2,
	"power": 1, "cut": 1, "recreate": 1, "expire": 1, "trim": 1, "full": 2, "check": 3,
	"move": 4, "outlive": 2, "lapse": 1, "tell": 1, "share": 3,
}

func drawScript() *rapid.Generator[script] {
	urn := []string{"nothing"} // what a shrunk step becomes
	for _, v := range []string{
		"publish", "create", "filter", "state", "delete", "receiver", "command", "kill", "stop", "start",
		"zombie", "freeze", "thaw", "noise", "power", "cut", "recreate", "expire", "trim", "full", "check",
		"move", "outlive", "lapse", "tell", "share",
	} {
		for range verbs[v] {
			urn = append(urn, v)
		}
	}
	waits := []time.Duration{
		0, time.Millisecond, 7 * time.Millisecond, 30 * time.Millisecond, 120 * time.Millisecond, 400 * time.Millisecond,
		1100 * time.Millisecond, 3300 * time.Millisecond, 9 * time.Second,
	}
	step := rapid.Custom(func(t *rapid.T) act {
		return act{
			Verb: rapid.SampledFrom(urn).Draw(t, "verb"),
			A:    rapid.IntRange(0, 20).Draw(t, "a"), B: rapid.IntRange(0, 20).Draw(t, "b"),
			Wait: rapid.SampledFrom(waits).Draw(t, "wait"),
		}
	})
	return rapid.Custom(func(t *rapid.T) script {
		return script{
			Shards:     rapid.IntRange(1, 3).Draw(t, "shards"),
			Partitions: rapid.IntRange(1, 2).Draw(t, "partitions"),
			Refuses:    rapid.Bool().Draw(t, "refuses"),
			Offsets:    rapid.Bool().Draw(t, "offsets"),
			Leases:     rapid.Bool().Draw(t, "leases"),
			Noise:      rapid.SampledFrom([]int{0, 0, 5, 30}).Draw(t, "noise"),
			Seed:       rapid.Uint64().Draw(t, "seed"),
			Steps:      rapid.SliceOfN(step, 20, 60).Draw(t, "steps"),
		}
	})
}

// The model test: whatever happens, at no point would a fresh owner miss a delivery, nothing
// is delivered that is not for the endpoint, and a takeover repeats nothing that the journal
// knew.
// A laptop plays fewer scripts than CI, which names a number.
func init() {
	if err := flag.Set("rapid.checks", "40"); err != nil {
		panic(err)
	}
}

func TestModel(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s := drawScript().Draw(rt, "script")
		if verdict := play(t, s); verdict != "" {
			rt.Fatalf("%s", verdict)
		}
	})
}

// play runs a script, then asks at each of its checks what would have become of everything
// had all died there. It returns what is wrong, or nothing.
func play(t *testing.T, s script) (verdict string) {
	cryptotest.SetGlobalRandom(t, s.Seed) // the same script has the same endpoints in the same shards
	var checks []check
	synctest.Test(t, func(t *testing.T) {
		m := newModel(t, s)
		m.run()
		verdict, checks = m.verdict(), m.checks
	})
	for i := 0; verdict == "" && i < len(checks); i++ {
		synctest.Test(t, func(t *testing.T) {
			if missed := checks[i].succeed(t, s); missed != "" {
				verdict = fmt.Sprintf("if all had died at %v (check %d): %s", checks[i].at, i, missed)
			}
		})
	}
	return verdict
}

// partitions of the model.
var partitions = []bus.Partition{dispatchtest.Partition, "orders"}
