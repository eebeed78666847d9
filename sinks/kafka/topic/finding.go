package topic

import (
	"fmt"
	"strings"

	"github.com/hookspan/hookspan/bridge/bus"
)

// Finding says of one topic what is wrong, or what it is like.
func Finding(name string, c *Condition, brokers int) bus.Finding {
	f := bus.Finding{Subject: "topic " + name, Verdict: bus.Fine}
	if len(c.faults) > 0 {
		f.Verdict, f.Detail = bus.Fault, strings.Join(c.faults, "; ")
		f.Remedy = "change the topic or the rights as said, or delete the topic so that it is made anew"
		return f
	}
	least, behind, leaderless := c.Replication()
	f.Detail = fmt.Sprintf("%d partitions, %d replicas, %d of them must be in sync", len(c.Partitions), least, c.minInsync)
	doubts := c.doubts
	switch {
	case leaderless > 0:
		f.Verdict, f.Remedy = bus.Fault, "bring the brokers back that hold them"
		f.Detail = fmt.Sprintf("%d of %d partitions have no leader", leaderless, len(c.Partitions))
		return f
	case behind > 0:
		doubts = append(doubts, fmt.Sprintf("%d of %d partitions have replicas that are not in sync: bring their brokers back", behind, len(c.Partitions)))
	case brokers >= replicasWanted && least < insyncWanted:
		doubts = append(doubts, fmt.Sprintf("it has %d replica on %d brokers: raise its replication, else the loss of one broker loses events", least, brokers))
	case least > 1 && c.minInsync == 1:
		doubts = append(doubts, fmt.Sprintf("%s is 1: raise it to %d, else an event may be acknowledged by a single broker", MinInsync, insyncWanted))
	case least > 1 && c.minInsync >= least:
		doubts = append(doubts, fmt.Sprintf("%s is as many as it has replicas: nothing can be written while one broker is away", MinInsync))
	}
	if len(doubts) > 0 {
		f.Verdict, f.Detail, f.Remedy = bus.Warning, f.Detail+"; "+strings.Join(doubts, "; "), "change what is said of it, unless it is meant to be so"
	}
	return f
}
