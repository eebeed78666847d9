package bus_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/hookspan/hookspan/bridge/bus"
)

func members(n int) []string {
	var list []string
	for i := range n {
		list = append(list, fmt.Sprintf("member-%d", i))
	}
	return list
}

func TestSharesDifferByOneAtMost(t *testing.T) {
	t.Parallel()
	for _, shards := range []int{1, 2, 7, 32, 100} {
		for n := 1; n <= 40; n++ {
			share := map[string]int{}
			for _, to := range bus.Divide(shards, members(n)) {
				share[to]++
			}
			for _, m := range members(n) {
				if share[m] < shards/n || share[m] > (shards+n-1)/n {
					t.Errorf("%d shards, %d members: %s gets %d", shards, n, m, share[m])
				}
			}
			if len(share) != min(n, shards) {
				t.Errorf("%d shards, %d members: they go to %d names", shards, n, len(share))
			}
		}
	}
	if got := bus.Divide(32, nil); got != nil {
		t.Errorf("shards go to nobody: %v", got)
	}
}

func TestTheOrderOfMembersDoesNotMatter(t *testing.T) {
	t.Parallel()
	list := members(5)
	want := bus.Divide(32, list)
	slices.Reverse(list)
	if got := bus.Divide(32, list); !slices.Equal(got, want) {
		t.Errorf("%v, and the other way round %v", want, got)
	}
}

func TestFewShardsMove(t *testing.T) {
	t.Parallel()
	const shards = 32
	for n := 1; n < 10; n++ {
		before, after := bus.Divide(shards, members(n)), bus.Divide(shards, members(n+1))
		moved := 0
		for i := range before {
			if before[i] != after[i] {
				moved++
			}
		}
		least := shards / (n + 1)
		t.Logf("from %d members to %d: %d shards move, no fewer than %d could", n, n+1, moved, least)
		if moved > 3*least {
			t.Errorf("from %d members to %d: %d shards move, no fewer than %d could", n, n+1, moved, least)
		}
	}
}
