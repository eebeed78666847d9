package bus

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"strconv"
)

// Divide says which member each of the shards 0 to shards-1 should go to. Everybody who knows
// the same members gets the same answer, in whatever order they are named. No two members'
// shares differ by more than one, and few shards move when a member comes or goes (rendezvous
// hashing, with a limit for each member). It returns nil when there is no member.
func Divide(shards int, members []string) []string {
	if len(members) == 0 {
		return nil
	}
	pairs := weigh(shards, members)
	least, more := shards/len(members), shards%len(members) // `more` members get one above the least
	share := make([]int, len(members))
	to := make([]string, shards)
	given := make([]bool, shards)
	for _, p := range pairs {
		full := share[p.member] > least || share[p.member] == least && more == 0
		if given[p.shard] || full {
			continue
		}
		if share[p.member] == least {
			more--
		}
		share[p.member]++
		given[p.shard], to[p.shard] = true, members[p.member]
	}
	return to
}

// A pair is how much a member and a shard are drawn to one another.
type pair struct {
	weight        uint64
	shard, member int
}

// weigh lists every pair, the strongest first.
func weigh(shards int, members []string) []pair {
	pairs := make([]pair, 0, shards*len(members))
	for i, m := range members {
		name := append([]byte(m), 0)
		for shard := range shards {
			sum := sha256.Sum256(strconv.AppendInt(name, int64(shard), 10))
			pairs = append(pairs, pair{binary.BigEndian.Uint64(sum[:8]), shard, i})
		}
	}
	slices.SortFunc(pairs, func(a, b pair) int {
		return cmp.Or(cmp.Compare(b.weight, a.weight), cmp.Compare(a.shard, b.shard), cmp.Compare(members[a.member], members[b.member]))
	})
	return pairs
}
