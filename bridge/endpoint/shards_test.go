package endpoint_test

import (
	"testing"

	"github.com/hookspan/hookspan/bridge/endpoint"
	"github.com/hookspan/hookspan/bridge/endpoint/endpointtest"
)

func TestShardsAreWrittenOnce(t *testing.T) {
	t.Parallel()
	store := endpointtest.New()
	for i, fresh := range []int{32, 64, 16} {
		r := endpoint.NewRegistry(store, nil, endpoint.Options{})
		if err := r.Load(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got, err := r.Shards(t.Context(), fresh); err != nil || got != 32 {
			t.Errorf("start %d finds %d shards and %v, want the 32 of the first start", i+1, got, err)
		}
	}
}
