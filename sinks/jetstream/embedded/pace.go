package embedded

import "time"

// A pace decides how long a sync waits for more to share it. The sync's length hardly depends
// on how much there is to sync, so when all who publish come back at once after each one,
// the best is that half of them wait for a sync while the other half publishes. Begun as soon
// as anybody waits, syncs carry a third of them and less, and more CPU goes into syncs.
type pace struct {
	size  int           // how many waited for the last sync
	crowd int           // how many publish at once, by what the last syncs carried
	took  time.Duration // length of a sync, recent ones counting more
}

// longestHold bounds the wait on a slow disk.
const longestHold = 2 * time.Millisecond

// hold is how many to wait for, and for how long at most.
func (p *pace) hold() (enough int, atMost time.Duration) {
	return p.crowd / 2, min(p.took/2, longestHold)
}

// synced learns from a sync that n waited for.
func (p *pace) synced(n int, took time.Duration) {
	both := n + p.size
	p.crowd = max(both, p.crowd-(p.crowd-both+7)/8)
	p.took = (3*p.took + took) / 4
	p.size = n
}
