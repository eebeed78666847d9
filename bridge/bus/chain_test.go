package bus_test

import (
	"testing"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/bus/bustest"
)

// On a bus that refuses nothing the chain alone keeps the contract.
func TestChainWithoutRefusals(t *testing.T) {
	t.Parallel()
	bustest.Logs(t, func(*testing.T) bus.Logs { return bustest.NewMemory() })
}
