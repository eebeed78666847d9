package journal

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/hookspan/hookspan/bridge/delivery"
)

// mostReplicas bounds those that are remembered: a name comes with every process.
const mostReplicas = 1000

// Present lists the replicas that were heard of since then and have not left, by name.
func (ix *Index) Present(since time.Time) []delivery.Presence {
	ix.mu.RLock()
	defer ix.mu.RUnlock()
	var all []delivery.Presence
	for _, p := range ix.replicas {
		if !p.Left && p.At.After(since) {
			all = append(all, p)
		}
	}
	slices.SortFunc(all, func(a, b delivery.Presence) int { return strings.Compare(a.Replica, b.Replica) })
	return all
}

// appeared takes one in.
func (ix *Index) appeared(p delivery.Presence) {
	ix.mu.Lock()
	defer ix.mu.Unlock()
	ix.presence(p)
}

// presence: a late copy says nothing; that one has left stays, so that it can be told from a late
// copy of the one before.
func (ix *Index) presence(p delivery.Presence) {
	was, known := ix.replicas[p.Replica]
	if known && !p.At.After(was.At) {
		return
	}
	if !known && len(ix.replicas) >= mostReplicas {
		oldest := slices.MinFunc(slices.Collect(maps.Values(ix.replicas)), func(a, b delivery.Presence) int { return a.At.Compare(b.At) })
		delete(ix.replicas, oldest.Replica)
	}
	ix.replicas[p.Replica] = p
}
