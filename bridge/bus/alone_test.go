package bus_test

import (
	"testing"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/bus/bustest"
)

func TestWhoeverIsAloneHasEverything(t *testing.T) {
	t.Parallel()
	bustest.LeasesOfOne(t, func(*testing.T) bus.Leases { return bus.Alone{} })
}
