package adapter

import (
	"maps"
	"slices"
	"testing"

	"github.com/hookspan/hookspan/bridge/config"
)

// Every bus that can be configured has an adapter, and none has one that cannot be.
func TestEveryBusHasAnAdapter(t *testing.T) {
	t.Parallel()
	want, got := slices.Sorted(slices.Values(config.BusKinds())), slices.Sorted(maps.Keys(adapters()))
	if !slices.Equal(want, got) {
		t.Errorf("adapters of %v, the configuration knows %v", got, want)
	}
}
