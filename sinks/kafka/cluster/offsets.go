package cluster

import (
	"context"
	"fmt"
	"sync"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/hookspan/hookspan/bridge/bus"
)

// What list asks for beside a time in milliseconds (Kafka protocol, ListOffsets).
const (
	Latest       int64 = -1
	Earliest     int64 = -2
	MaxTimestamp int64 = -3 // the record with the greatest timestamp
)

// Isolation levels.
const (
	ReadUncommitted int8 = 0
	ReadCommitted   int8 = 1
	Appended        int8 = 2 // not Kafka's: also what not all replicas have yet, as brokers tell a debugger
)

// Replica ids of whoever is none.
const (
	aConsumer int32 = -1
	aDebugger int32 = -2
)

// ListedOffset is an offset that a leader names: -1 when there is no such record.
type ListedOffset struct {
	Offset int64
	Stamp  int64 // ms
	Err    error // why there is no answer
}

// Offsets asks the leaders of many partitions for one offset each: of the first record that is
// not older than a time, or one of the above. All answer, or it fails.
func (c *Cluster) Offsets(ctx context.Context, refs []PartitionRef, at int64, isolation int8) ([]ListedOffset, error) {
	answers := c.OffsetsEach(ctx, refs, at, isolation)
	for i := range answers {
		if answers[i].Err != nil { // one is like the other
			return nil, answers[i].Err
		}
	}
	return answers, nil
}

// OffsetsEach is list where some may not answer.
func (c *Cluster) OffsetsEach(ctx context.Context, refs []PartitionRef, at int64, isolation int8) []ListedOffset {
	answers := make([]ListedOffset, len(refs))
	byNode := map[int32][]int{}
	for i, s := range refs {
		node := s.Leader().Node
		if node < 0 {
			c.forget(s.Topic)
			answers[i].Err = s.Failed("ask for offsets", errNoLeader)
			continue
		}
		byNode[node] = append(byNode[node], i)
	}
	var all sync.WaitGroup
	for node, which := range byNode {
		all.Go(func() { c.listOn(ctx, node, question{refs, which, at, isolation}, answers) })
	}
	all.Wait()
	return answers
}

// A question is for some of many partitions.
type question struct {
	refs      []PartitionRef
	which     []int
	at        int64
	isolation int8
}

type place struct {
	name string
	n    int32
}

// listOn is the part of list that one broker answers.
func (c *Cluster) listOn(ctx context.Context, node int32, q question, answers []ListedOffset) {
	asked := make(map[place]int, len(q.which))
	for _, i := range q.which {
		asked[place{q.refs[i].Name, q.refs[i].Number}] = i
		answers[i].Err = fmt.Errorf("ask broker %d for an offset of %s: %w: it did not say", node, q.refs[i].Partition(), bus.ErrUnavailable)
	}
	resp, err := c.to(ctx, node, q.request())
	if err != nil {
		for _, i := range q.which {
			c.forget(q.refs[i].Topic)
			answers[i].Err = fmt.Errorf("ask broker %d for offsets: %w", node, err)
		}
		return
	}
	for _, rt := range resp.(*kmsg.ListOffsetsResponse).Topics {
		for _, rp := range rt.Partitions {
			i, ok := asked[place{rt.Topic, rp.Partition}]
			if !ok {
				continue
			}
			answers[i] = ListedOffset{Offset: rp.Offset, Stamp: rp.Timestamp}
			if err := c.refused(q.refs[i], rp.ErrorCode); err != nil {
				answers[i].Err = q.refs[i].Failed("ask for an offset", err)
			}
		}
	}
}

func (q *question) request() *kmsg.ListOffsetsRequest {
	topics := map[string]*kmsg.ListOffsetsRequestTopic{}
	for _, i := range q.which {
		s := q.refs[i]
		t := topics[s.Name]
		if t == nil {
			t = &kmsg.ListOffsetsRequestTopic{Topic: s.Name}
			topics[s.Name] = t
		}
		p := kmsg.NewListOffsetsRequestTopicPartition()
		p.Partition, p.CurrentLeaderEpoch, p.Timestamp = s.Number, s.Leader().Epoch, q.at
		t.Partitions = append(t.Partitions, p)
	}
	req := kmsg.NewPtrListOffsetsRequest()
	if req.ReplicaID, req.IsolationLevel = aConsumer, q.isolation; q.isolation == Appended {
		req.ReplicaID, req.IsolationLevel = aDebugger, ReadUncommitted
	}
	for _, t := range topics {
		req.Topics = append(req.Topics, *t)
	}
	return req
}

// Bounds asks for a partition's first offset and for the one behind its last.
func (c *Cluster) Bounds(ctx context.Context, s PartitionRef) (start, end int64, err error) {
	first, err := c.Offsets(ctx, []PartitionRef{s}, Earliest, ReadUncommitted)
	if err != nil {
		return 0, 0, err
	}
	last, err := c.Offsets(ctx, []PartitionRef{s}, Latest, ReadUncommitted)
	if err != nil {
		return 0, 0, err
	}
	s.Leader().settled.Store(true)
	return first[0].Offset, last[0].Offset, nil
}

// settle sees to it that the leader knows the end of what was acknowledged before its time. A
// new one may not for a moment, and would let a reader believe that nothing is left; asked for
// its end it then says so (OFFSET_NOT_AVAILABLE, KIP-207).
func (c *Cluster) settle(ctx context.Context, s PartitionRef) error {
	lead := s.Leader()
	if lead.Node < 0 {
		c.forget(s.Topic)
		return s.Failed("read", errNoLeader)
	}
	if lead.settled.Load() {
		return nil
	}
	if _, err := c.Offsets(ctx, []PartitionRef{s}, Latest, ReadUncommitted); err != nil {
		return err
	}
	lead.settled.Store(true)
	return nil
}

// EndOfEpoch is the offset behind the last record that is of an epoch or an older one.
func (c *Cluster) EndOfEpoch(ctx context.Context, s PartitionRef, epoch int32) (int64, error) {
	p := kmsg.NewOffsetForLeaderEpochRequestTopicPartition()
	p.Partition, p.CurrentLeaderEpoch, p.LeaderEpoch = s.Number, s.Leader().Epoch, epoch
	t := kmsg.NewOffsetForLeaderEpochRequestTopic()
	t.Topic = s.Name
	t.Partitions = []kmsg.OffsetForLeaderEpochRequestTopicPartition{p}
	req := kmsg.NewPtrOffsetForLeaderEpochRequest()
	req.ReplicaID = -1
	req.Topics = []kmsg.OffsetForLeaderEpochRequestTopic{t}
	resp, err := c.to(ctx, s.Leader().Node, req)
	if err != nil {
		c.forget(s.Topic)
		return 0, s.Failed("ask for the end of an epoch", err)
	}
	answer := resp.(*kmsg.OffsetForLeaderEpochResponse)
	if len(answer.Topics) != 1 || len(answer.Topics[0].Partitions) != 1 {
		return 0, s.Failed("ask for the end of an epoch", Unavailable(kerr.UnknownServerError))
	}
	said := answer.Topics[0].Partitions[0]
	if answer.Topics[0].Topic != s.Name || said.Partition != s.Number || said.ErrorCode == 0 && said.LeaderEpoch > epoch {
		c.forget(s.Topic)
		return 0, s.Failed("ask for the end of an epoch", errAnother)
	}
	if err := c.refused(s, said.ErrorCode); err != nil {
		return 0, s.Failed("ask for the end of an epoch", err)
	}
	return max(said.EndOffset, 0), nil
}
