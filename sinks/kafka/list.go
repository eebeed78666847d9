package kafka

import (
	"context"
	"fmt"
	"sync"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/hookspan/hookspan/bridge/bus"
)

// What list asks for beside a time in milliseconds (Kafka protocol, ListOffsets).
const (
	theEnd    int64 = -1
	theStart  int64 = -2
	theNewest int64 = -3 // the record with the greatest timestamp
)

// Isolation levels.
const (
	anything      int8 = 0
	onlyCommitted int8 = 1
	appended      int8 = 2 // not Kafka's: also what not all replicas have yet, as brokers tell a debugger
)

// Replica ids of whoever is none.
const (
	aConsumer int32 = -1
	aDebugger int32 = -2
)

// listed is an offset that a leader names: -1 when there is no such record.
type listed struct {
	offset int64
	stamp  int64 // ms
	err    error // why there is no answer
}

// list asks the leaders of many partitions for one offset each: of the first record that is
// not older than a time, or one of the above. All answer, or it fails.
func (l *link) list(ctx context.Context, spots []spot, at int64, isolation int8) ([]listed, error) {
	answers := l.listEach(ctx, spots, at, isolation)
	for i := range answers {
		if answers[i].err != nil { // one is like the other
			return nil, answers[i].err
		}
	}
	return answers, nil
}

// listEach is list where some may not answer.
func (l *link) listEach(ctx context.Context, spots []spot, at int64, isolation int8) []listed {
	answers := make([]listed, len(spots))
	byNode := map[int32][]int{}
	for i, s := range spots {
		node := s.lead().node
		if node < 0 {
			l.forget(s.topic)
			answers[i].err = s.failed("ask for offsets", errNoLeader)
			continue
		}
		byNode[node] = append(byNode[node], i)
	}
	var all sync.WaitGroup
	for node, which := range byNode {
		all.Go(func() { l.listOn(ctx, node, question{spots, which, at, isolation}, answers) })
	}
	all.Wait()
	return answers
}

// A question is for some of many partitions.
type question struct {
	spots     []spot
	which     []int
	at        int64
	isolation int8
}

type place struct {
	name string
	n    int32
}

// listOn is the part of list that one broker answers.
func (l *link) listOn(ctx context.Context, node int32, q question, answers []listed) {
	asked := make(map[place]int, len(q.which))
	for _, i := range q.which {
		asked[place{q.spots[i].name, q.spots[i].n}] = i
		answers[i].err = fmt.Errorf("ask broker %d for an offset of %s: %w: it did not say", node, q.spots[i].partition(), bus.ErrUnavailable)
	}
	resp, err := l.to(ctx, node, q.request())
	if err != nil {
		for _, i := range q.which {
			l.forget(q.spots[i].topic)
			answers[i].err = fmt.Errorf("ask broker %d for offsets: %w", node, err)
		}
		return
	}
	for _, rt := range resp.(*kmsg.ListOffsetsResponse).Topics {
		for _, rp := range rt.Partitions {
			i, ok := asked[place{rt.Topic, rp.Partition}]
			if !ok {
				continue
			}
			answers[i] = listed{offset: rp.Offset, stamp: rp.Timestamp}
			if err := l.refused(q.spots[i], rp.ErrorCode); err != nil {
				answers[i].err = q.spots[i].failed("ask for an offset", err)
			}
		}
	}
}

func (q *question) request() *kmsg.ListOffsetsRequest {
	topics := map[string]*kmsg.ListOffsetsRequestTopic{}
	for _, i := range q.which {
		s := q.spots[i]
		t := topics[s.name]
		if t == nil {
			t = &kmsg.ListOffsetsRequestTopic{Topic: s.name}
			topics[s.name] = t
		}
		p := kmsg.NewListOffsetsRequestTopicPartition()
		p.Partition, p.CurrentLeaderEpoch, p.Timestamp = s.n, s.lead().epoch, q.at
		t.Partitions = append(t.Partitions, p)
	}
	req := kmsg.NewPtrListOffsetsRequest()
	if req.ReplicaID, req.IsolationLevel = aConsumer, q.isolation; q.isolation == appended {
		req.ReplicaID, req.IsolationLevel = aDebugger, anything
	}
	for _, t := range topics {
		req.Topics = append(req.Topics, *t)
	}
	return req
}

// held asks for a partition's first offset and for the one behind its last.
func (l *link) held(ctx context.Context, s spot) (start, end int64, err error) {
	first, err := l.list(ctx, []spot{s}, theStart, anything)
	if err != nil {
		return 0, 0, err
	}
	last, err := l.list(ctx, []spot{s}, theEnd, anything)
	if err != nil {
		return 0, 0, err
	}
	s.lead().settled.Store(true)
	return first[0].offset, last[0].offset, nil
}

// settle sees to it that the leader knows the end of what was acknowledged before its time. A
// new one may not for a moment, and would let a reader believe that nothing is left; asked for
// its end it then says so (OFFSET_NOT_AVAILABLE, KIP-207).
func (l *link) settle(ctx context.Context, s spot) error {
	lead := s.lead()
	if lead.node < 0 {
		l.forget(s.topic)
		return s.failed("read", errNoLeader)
	}
	if lead.settled.Load() {
		return nil
	}
	if _, err := l.list(ctx, []spot{s}, theEnd, anything); err != nil {
		return err
	}
	lead.settled.Store(true)
	return nil
}
