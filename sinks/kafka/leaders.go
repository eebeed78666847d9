package kafka

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/hookspan/hookspan/bridge/bus"
)

// A topic is what a broker said of one.
type topic struct {
	name       string
	id         [16]byte
	identity   string
	internal   bool // of Kafka itself
	rights     int32
	partitions []*leading
	asked      time.Time // when the question was sent
}

// leading is who leads a partition, since when, and who follows.
type leading struct {
	node, epoch      int32 // node -1: nobody
	replicas, insync int
	// settled: the leader is known to know the end of all that was acknowledged before its
	// time (KIP-207); what it says of an end afterwards, in the same epoch, holds.
	settled atomic.Bool
}

// A spot is one partition of a topic as it was last asked for.
type spot struct {
	*topic
	n int32
}

func (s spot) lead() *leading { return s.partitions[s.n] }

func (s spot) partition() bus.Partition { return partitionName(s.name, s.n) }

// rightsUnknown is what brokers answer that were not asked for rights, or do not tell them.
const rightsUnknown = -1 << 31

// lookup returns a topic as it was asked for after `since`.
func (l *link) lookup(ctx context.Context, name string, since time.Time) (*topic, error) {
	if t := l.cached(name, since); t != nil {
		return t, nil
	}
	select {
	case l.ask <- struct{}{}:
	case <-ctx.Done():
		return nil, ended(ctx)
	}
	defer func() { <-l.ask }()
	if t := l.cached(name, since); t != nil {
		return t, nil
	}
	topics, err := l.metadata(ctx, name)
	if err != nil {
		return nil, fmt.Errorf("ask for topic %s: %w", name, err)
	}
	found := topics[name]
	if found.err != nil {
		return nil, onTopic(name, "DESCRIBE", found.err)
	}
	return found.topic, nil
}

// spot returns one partition of a topic.
func (l *link) spot(ctx context.Context, name string, n int32, since time.Time) (spot, error) {
	t, err := l.lookup(ctx, name, since)
	if err != nil {
		return spot{}, err
	}
	if n < 0 || int(n) >= len(t.partitions) {
		l.forget(t) // it may have been added since
		return spot{}, fmt.Errorf("%w: topic %s has %d partitions, there is no number %d", bus.ErrUnavailable, name, len(t.partitions), n)
	}
	return spot{t, n}, nil
}

func (l *link) cached(name string, since time.Time) *topic {
	l.mu.Lock()
	defer l.mu.Unlock()
	if t := l.topics[name]; t != nil && t.asked.After(since) {
		return t
	}
	return nil
}

// forget makes the next one who needs the topic ask for it anew.
func (l *link) forget(t *topic) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.topics[t.name] == t {
		delete(l.topics, t.name)
	}
}

// described is one topic of an answer: itself or why there is none.
type described struct {
	*topic
	err error
}

// metadata asks for topics by name, and notes what comes. Each name has an answer. That there
// is no such topic takes all brokers to say: one may be behind the others.
func (l *link) metadata(ctx context.Context, names ...string) (map[string]described, error) {
	answer, brokers, err := l.askMetadata(ctx, metadataRequest(names))
	if err != nil {
		return nil, err
	}
	var missing []string
	for _, name := range names {
		if said, ok := answer[name]; !ok || errors.Is(said.err, errNoTopic) {
			answer[name] = described{err: errNoTopic}
			missing = append(missing, name)
		}
	}
	if len(missing) > 0 && len(brokers) > 1 {
		l.askEach(ctx, brokers, missing, answer)
	}
	l.learn(answer)
	return answer, nil
}

// askEach asks the brokers one by one for topics that are missing, and adds what one of them
// knows. A broker that does not answer is no witness.
func (l *link) askEach(ctx context.Context, brokers []kmsg.MetadataResponseBroker, missing []string, answer map[string]described) {
	var mu sync.Mutex
	var all sync.WaitGroup
	for _, b := range brokers {
		all.Go(func() {
			asked := time.Now()
			resp, err := l.to(ctx, b.NodeID, metadataRequest(missing))
			if err != nil {
				return
			}
			mu.Lock()
			defer mu.Unlock()
			for name, said := range topicsOf(resp.(*kmsg.MetadataResponse), asked) {
				if !errors.Is(said.err, errNoTopic) {
					answer[name] = said
				}
			}
		})
	}
	all.Wait()
}

func metadataRequest(names []string) *kmsg.MetadataRequest {
	req := kmsg.NewPtrMetadataRequest()
	req.IncludeTopicAuthorizedOperations = true
	req.Topics = make([]kmsg.MetadataRequestTopic, 0, len(names))
	for _, name := range names {
		t := kmsg.NewMetadataRequestTopic()
		t.Topic = kmsg.StringPtr(name)
		req.Topics = append(req.Topics, t)
	}
	return req
}

// everyTopic asks for all topics that we may see.
func (l *link) everyTopic(ctx context.Context) (map[string]described, error) {
	req := kmsg.NewPtrMetadataRequest()
	req.Topics = nil
	answer, _, err := l.askMetadata(ctx, req)
	return answer, err
}

// brokers are those that are up.
func (l *link) brokers(ctx context.Context) ([]kmsg.MetadataResponseBroker, error) {
	_, brokers, err := l.askMetadata(ctx, metadataRequest(nil))
	return brokers, err
}

func (l *link) askMetadata(ctx context.Context, req *kmsg.MetadataRequest) (map[string]described, []kmsg.MetadataResponseBroker, error) {
	ctx, cancel := bounded(ctx)
	defer cancel()
	asked := time.Now()
	resp, err := req.RequestWith(ctx, l.cl)
	if err != nil {
		if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
			err = ended(ctx)
		}
		return nil, nil, unavailable(err)
	}
	return topicsOf(resp, asked), resp.Brokers, nil
}

// topicsOf reads an answer.
func topicsOf(resp *kmsg.MetadataResponse, asked time.Time) map[string]described {
	answer := make(map[string]described, len(resp.Topics))
	for i := range resp.Topics {
		rt := &resp.Topics[i]
		if rt.Topic == nil {
			continue
		}
		switch err := kerr.ErrorForCode(rt.ErrorCode); {
		case errors.Is(err, kerr.UnknownTopicOrPartition):
			answer[*rt.Topic] = described{err: errNoTopic}
		case err != nil:
			answer[*rt.Topic] = described{err: unavailable(err)}
		default:
			answer[*rt.Topic] = described{topic: newTopic(rt, asked)}
		}
	}
	return answer
}

func newTopic(rt *kmsg.MetadataResponseTopic, asked time.Time) *topic {
	t := &topic{name: *rt.Topic, id: rt.TopicID, internal: rt.IsInternal, rights: rt.AuthorizedOperations, asked: asked}
	t.identity = base64.RawURLEncoding.EncodeToString(t.id[:]) // as Kafka's own tools print it
	if t.id == [16]byte{} {
		t.identity = "name:" + t.name // a broker before 2.8: recreation goes unseen
	}
	t.partitions = make([]*leading, len(rt.Partitions))
	for i := range rt.Partitions {
		p := &rt.Partitions[i]
		if int(p.Partition) < len(t.partitions) && p.Partition >= 0 {
			t.partitions[p.Partition] = &leading{node: p.Leader, epoch: p.LeaderEpoch, replicas: len(p.Replicas), insync: len(p.ISR)}
		}
	}
	for i, p := range t.partitions {
		if p == nil {
			t.partitions[i] = &leading{node: -1, epoch: -1}
		}
	}
	return t
}

// learn keeps what was said, and what was known of leaders that are still the same.
func (l *link) learn(answer map[string]described) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for name, said := range answer {
		if said.topic == nil {
			delete(l.topics, name)
			continue
		}
		if old := l.topics[name]; old != nil && old.id == said.id {
			for i, p := range said.partitions {
				if i < len(old.partitions) && old.partitions[i].epoch == p.epoch && old.partitions[i].settled.Load() {
					p.settled.Store(true)
				}
			}
		}
		l.topics[name] = said.topic
	}
}
