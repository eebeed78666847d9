package kafka

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/sinks/kafka/cluster"
)

// clockTolerance is how far the brokers' clocks may be ahead of ours without a word.
const clockTolerance = time.Second

// Examine implements bus.Examiner.
func (s *Store) Examine(ctx context.Context) []bus.Finding {
	began := time.Now()
	brokers, err := s.cluster.Brokers(ctx)
	if err != nil {
		return []bus.Finding{{
			Subject: "connection", Verdict: bus.Fault, Detail: err.Error(),
			Remedy: "check that the brokers run and that their addresses, TLS and SASL are right",
		}}
	}
	findings := []bus.Finding{{
		Subject: "connection", Verdict: bus.Fine,
		Detail: fmt.Sprintf("%d brokers, an answer takes %s", len(brokers), time.Since(began).Round(time.Millisecond/10)),
	}}
	all := s.wanted()
	conditions, err := s.inspect(ctx, all)
	if err != nil {
		return append(findings, bus.Finding{Subject: "topics", Verdict: bus.Fault, Detail: err.Error(), Remedy: "see the error"})
	}
	for i := range conditions {
		findings = append(findings, finding(all[i].name, &conditions[i], len(brokers)))
	}
	return append(findings, s.examineFollowed(ctx), s.examineClock(ctx, conditions))
}

// finding says of one topic what is wrong, or what it is like.
func finding(name string, c *condition, brokers int) bus.Finding {
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
		doubts = append(doubts, fmt.Sprintf("%s is 1: raise it to %d, else an event may be acknowledged by a single broker", minInsync, insyncWanted))
	case least > 1 && c.minInsync >= least:
		doubts = append(doubts, fmt.Sprintf("%s is as many as it has replicas: nothing can be written while one broker is away", minInsync))
	}
	if len(doubts) > 0 {
		f.Verdict, f.Detail, f.Remedy = bus.Warning, f.Detail+"; "+strings.Join(doubts, "; "), "see there"
	}
	return f
}

// examineFollowed looks whether what is followed can be read.
func (s *Store) examineFollowed(ctx context.Context) bus.Finding {
	f := bus.Finding{Subject: "followed topics", Verdict: bus.Fine}
	refs, err := s.followed(ctx)
	if err != nil {
		f.Verdict, f.Detail, f.Remedy = bus.Fault, err.Error(), "see the error"
		return f
	}
	topics, unreadable := map[string]bool{}, []string(nil)
	for _, sp := range refs {
		if topics[sp.Name] {
			continue
		}
		topics[sp.Name] = true
		if len(lacking(ofReading.rights(), sp.Rights)) > 0 {
			unreadable = append(unreadable, sp.Name)
		}
	}
	f.Detail = fmt.Sprintf("%d topics with %d partitions match %s", len(topics), len(refs), strings.Join(s.o.Topics, ", "))
	switch {
	case len(unreadable) > 0:
		f.Verdict, f.Detail = bus.Fault, f.Detail+"; not readable: "+strings.Join(unreadable, ", ")
		f.Remedy = "grant Hookspan's user READ on them"
	case len(topics) == 0:
		f.Verdict, f.Remedy = bus.Warning, "nothing is delivered to endpoints until such a topic exists"
	}
	return f
}

// examineClock looks for a record that is dated in our future. Kafka tells its time in no other
// way, so a clock that is behind ours goes unseen.
func (s *Store) examineClock(ctx context.Context, conditions []condition) bus.Finding {
	f := bus.Finding{Subject: "clock", Verdict: bus.Fine, Detail: "no record is dated in the future (Kafka does not tell its time, so a broker's clock that is behind goes unseen)"}
	var refs []cluster.PartitionRef
	for _, c := range conditions {
		if c.Topic == nil {
			continue
		}
		for n := range c.Partitions {
			refs = append(refs, c.Topic.Ref(int32(n)))
		}
	}
	newest, err := s.cluster.Offsets(ctx, refs, cluster.MaxTimestamp, cluster.ReadCommitted)
	if err != nil {
		f.Verdict, f.Detail, f.Remedy = bus.Warning, "the newest records cannot be asked for: "+err.Error(), "brokers from Kafka 3.0 on tell them"
		return f
	}
	var ahead time.Duration
	for _, n := range newest {
		if n.Offset >= 0 {
			ahead = max(ahead, time.Until(time.UnixMilli(n.Stamp)))
		}
	}
	if ahead > clockTolerance {
		f.Verdict, f.Remedy = bus.Warning, "let brokers and Hookspan keep their time by NTP"
		f.Detail = fmt.Sprintf("a record is dated %s in the future: a broker's clock is ahead of this machine's by as much or more", ahead.Round(time.Millisecond))
	}
	return f
}
