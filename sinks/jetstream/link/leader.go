package link

import (
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/hookspan/hookspan/bridge/bus"
)

// leaderProof is how lately a stream's leader must have heard from most of the stream's
// servers. None of them stands for election within 4 s of hearing a leader (nats-server,
// raft.go, minElectionTimeout), so there cannot be another one yet.
const leaderProof = 3 * time.Second

var (
	ErrNoLeader = fmt.Errorf("%w: the stream has no leader", bus.ErrUnavailable)
	ErrNoQuorum = fmt.Errorf("%w: the stream's leader does not reach most of the stream's servers", bus.ErrUnavailable)
)

// led reports whether what a server said of a stream is the word of its leader. A server that
// knows no leader answers too, and one that was cut off from the others believes for up to
// 10 s that it still leads.
func led(c *jetstream.ClusterInfo) error {
	if c == nil { // no cluster
		return nil
	}
	if c.Leader == "" {
		return ErrNoLeader
	}
	heard := 1
	for _, r := range c.Replicas {
		if !r.Offline && r.Active < leaderProof {
			heard++
		}
	}
	if heard <= (len(c.Replicas)+1)/2 {
		return ErrNoQuorum
	}
	return nil
}

// Clustered reports whether there are other servers: one alone calls itself a leader, too.
func Clustered(c *jetstream.ClusterInfo) bool { return c != nil && c.Name != "" }
