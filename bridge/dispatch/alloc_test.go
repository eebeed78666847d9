//go:build !race

package dispatch_test

import (
	"math"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hookspan/hookspan/bridge/tracing"
	"github.com/hookspan/hookspan/bridge/tracing/tracingtest"
)

// An event that could be recorded in a trace and is not takes no more memory on its way out than
// one without tracing. The race detector empties pools, so there is nothing to count.
func TestNotRecordedDeliveriesTakeNoMemory(t *testing.T) {
	rare, _ := tracingtest.New(tracing.Share(1e-15).ByParent())
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	off, on := math.Inf(1), math.Inf(1)
	for n := 0; n < 3 || n < 15 && on-off > 0.5; n++ { // how many share a batch, a record or a delta differs by how busy the machine is
		off, on = min(off, allocations(t, nil)), min(on, allocations(t, rare))
	}
	if on-off > 0.5 {
		t.Errorf("%.2f allocations a delivery, %.2f with tracing", off, on)
	}
}

func allocations(t *testing.T, tracer *tracing.Tracer) (each float64) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		const warm, events = 200, 800
		w := newWorld(t)
		w.tracer = tracer
		p := w.start(t, shards)
		p.register(t, "crm", nil)
		pass(time.Second)
		w.publish(1, warm, "a")
		pass(10 * time.Second)
		var before, after runtime.MemStats
		w.publish(warm+1, warm+events, "a")
		runtime.ReadMemStats(&before)
		pass(10 * time.Second)
		runtime.ReadMemStats(&after)
		each = float64(after.Mallocs-before.Mallocs) / events
		if n := w.posted(); n != warm+events {
			t.Errorf("%d events were delivered", n)
		}
		if err := p.stop(); err != nil {
			t.Error(err)
		}
	})
	return each
}
