package kafka

import (
	"context"
	"errors"
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
}

// list asks the leaders of many partitions for one offset each: of the first record that is
// not older than a time, or one of the above. All answer, or it fails.
func (l *link) list(ctx context.Context, spots []spot, at int64, isolation int8) ([]listed, error) {
	byNode := map[int32][]int{}
	for i, s := range spots {
		node := s.lead().node
		if node < 0 {
			l.forget(s.topic)
			return nil, s.failed("ask for offsets", errNoLeader)
		}
		byNode[node] = append(byNode[node], i)
	}
	answers := make([]listed, len(spots))
	failed := make([]error, 0, len(byNode))
	var mu sync.Mutex
	var all sync.WaitGroup
	for node, which := range byNode {
		all.Go(func() {
			if err := l.listOn(ctx, node, spots, which, at, isolation, answers); err != nil {
				mu.Lock()
				defer mu.Unlock()
				failed = append(failed, err)
			}
		})
	}
	all.Wait()
	return answers, errors.Join(failed...)
}

// listOn is the part of list that one broker answers.
func (l *link) listOn(ctx context.Context, node int32, spots []spot, which []int, at int64, isolation int8, answers []listed) error {
	type place struct {
		name string
		n    int32
	}
	asked := make(map[place]int, len(which))
	topics := map[string]*kmsg.ListOffsetsRequestTopic{}
	for _, i := range which {
		s := spots[i]
		asked[place{s.name, s.n}] = i
		t := topics[s.name]
		if t == nil {
			t = &kmsg.ListOffsetsRequestTopic{Topic: s.name}
			topics[s.name] = t
		}
		p := kmsg.NewListOffsetsRequestTopicPartition()
		p.Partition, p.CurrentLeaderEpoch, p.Timestamp = s.n, s.lead().epoch, at
		t.Partitions = append(t.Partitions, p)
	}
	req := kmsg.NewPtrListOffsetsRequest()
	if req.ReplicaID, req.IsolationLevel = aConsumer, isolation; isolation == appended {
		req.ReplicaID, req.IsolationLevel = aDebugger, anything
	}
	for _, t := range topics {
		req.Topics = append(req.Topics, *t)
	}
	resp, err := l.to(ctx, node, req)
	if err != nil {
		for _, i := range which {
			l.forget(spots[i].topic)
		}
		return fmt.Errorf("ask broker %d for offsets: %w", node, err)
	}
	for _, rt := range resp.(*kmsg.ListOffsetsResponse).Topics {
		for _, rp := range rt.Partitions {
			i, ok := asked[place{rt.Topic, rp.Partition}]
			if !ok {
				continue
			}
			delete(asked, place{rt.Topic, rp.Partition})
			if err := l.refused(spots[i], rp.ErrorCode); err != nil {
				return spots[i].failed("ask for an offset", err)
			}
			answers[i] = listed{rp.Offset, rp.Timestamp}
		}
	}
	if len(asked) > 0 {
		return fmt.Errorf("ask broker %d for offsets: %w: %d of %d partitions have no answer", node, bus.ErrUnavailable, len(asked), len(which))
	}
	return nil
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
