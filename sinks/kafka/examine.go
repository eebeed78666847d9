package kafka

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/sinks/kafka/cluster"
	"github.com/hookspan/hookspan/sinks/kafka/topic"
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
	all := s.layout.Wanted()
	conditions, err := s.layout.Inspect(ctx, all)
	if err != nil {
		return append(findings, bus.Finding{Subject: "topics", Verdict: bus.Fault, Detail: err.Error(), Remedy: "bring back the brokers that do not answer, or grant Hookspan's user DESCRIBE and DESCRIBE_CONFIGS on its topics"})
	}
	for i := range conditions {
		findings = append(findings, topic.Finding(all[i].Name, &conditions[i], len(brokers)))
	}
	return append(findings, s.examineFollowed(ctx), s.examineClock(ctx, conditions))
}

// examineFollowed looks whether what is followed can be read.
func (s *Store) examineFollowed(ctx context.Context) bus.Finding {
	f := bus.Finding{Subject: "followed topics", Verdict: bus.Fine}
	refs, err := s.followed(ctx)
	if err != nil {
		f.Verdict, f.Detail, f.Remedy = bus.Fault, err.Error(), "bring back the brokers that do not answer, or grant Hookspan's user DESCRIBE on the topics that are followed"
		return f
	}
	topics, unreadable := map[string]bool{}, []string(nil)
	for _, sp := range refs {
		if topics[sp.Name] {
			continue
		}
		topics[sp.Name] = true
		if len(topic.Lacking(topic.OfReading.Rights(), sp.Rights)) > 0 {
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
func (s *Store) examineClock(ctx context.Context, conditions []topic.Condition) bus.Finding {
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
