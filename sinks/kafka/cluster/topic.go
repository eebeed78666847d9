package cluster

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

// A Topic is what a broker said of one.
type Topic struct {
	Name       string
	ID         [16]byte
	Identity   string
	Internal   bool // of Kafka itself
	Rights     int32
	Partitions []*Leader
	asked      time.Time // when the question was sent
}

// Leader is who leads a partition, since when, and who follows.
type Leader struct {
	Node, Epoch      int32 // node -1: nobody
	Replicas, InSync int
	// settled: the leader is known to know the end of all that was acknowledged before its
	// time (KIP-207); what it says of an end afterwards, in the same epoch, holds.
	settled atomic.Bool
}

// A PartitionRef is one partition of a topic as it was last asked for.
type PartitionRef struct {
	*Topic
	Number int32
}

// Ref is one of its partitions.
func (t *Topic) Ref(n int32) PartitionRef { return PartitionRef{t, n} }

func (s PartitionRef) Leader() *Leader { return s.Partitions[s.Number] }

func (s PartitionRef) Partition() bus.Partition { return PartitionName(s.Name, s.Number) }

// RightsUnknown is what brokers answer that were not asked for rights, or do not tell them.
const RightsUnknown = -1 << 31

// Lookup returns a topic as it was asked for after `since`.
func (c *Cluster) Lookup(ctx context.Context, name string, since time.Time) (*Topic, error) {
	if t := c.Cached(name, since); t != nil {
		return t, nil
	}
	select {
	case c.ask <- struct{}{}:
	case <-ctx.Done():
		return nil, Ended(ctx)
	}
	defer func() { <-c.ask }()
	if t := c.Cached(name, since); t != nil {
		return t, nil
	}
	topics, err := c.Describe(ctx, name)
	if err != nil {
		return nil, fmt.Errorf("ask for topic %s: %w", name, err)
	}
	found := topics[name]
	if found.Err != nil {
		return nil, OnTopic(name, "DESCRIBE", found.Err)
	}
	return found.Topic, nil
}

// Partition returns one partition of a topic.
func (c *Cluster) Partition(ctx context.Context, name string, n int32, since time.Time) (PartitionRef, error) {
	t, err := c.Lookup(ctx, name, since)
	if err != nil {
		return PartitionRef{}, err
	}
	if n < 0 || int(n) >= len(t.Partitions) {
		c.forget(t) // it may have been added since
		return PartitionRef{}, fmt.Errorf("%w: topic %s has %d partitions, there is no number %d", bus.ErrUnavailable, name, len(t.Partitions), n)
	}
	return PartitionRef{t, n}, nil
}

func (c *Cluster) Cached(name string, since time.Time) *Topic {
	c.mu.Lock()
	defer c.mu.Unlock()
	if t := c.topics[name]; t != nil && t.asked.After(since) {
		return t
	}
	return nil
}

// forget makes the next one who needs the topic ask for it anew.
func (c *Cluster) forget(t *Topic) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.topics[t.Name] == t {
		delete(c.topics, t.Name)
	}
}

// Described is one topic of an answer: itself or why there is none.
type Described struct {
	*Topic
	Err error
}

// Describe asks for topics by name, and notes what comes. Each name has an answer. That there
// is no such topic takes all brokers to say: one may be behind the others.
func (c *Cluster) Describe(ctx context.Context, names ...string) (map[string]Described, error) {
	answer, brokers, err := c.askMetadata(ctx, metadataRequest(names))
	if err != nil {
		return nil, err
	}
	var missing []string
	for _, name := range names {
		if said, ok := answer[name]; !ok || errors.Is(said.Err, ErrNoTopic) {
			answer[name] = Described{Err: ErrNoTopic}
			missing = append(missing, name)
		}
	}
	if len(missing) > 0 && len(brokers) > 1 {
		c.askEach(ctx, brokers, missing, answer)
	}
	c.learn(answer)
	return answer, nil
}

// askEach asks the brokers one by one for topics that are missing, and adds what one of them
// knows. A broker that does not answer is no witness.
func (c *Cluster) askEach(ctx context.Context, brokers []kmsg.MetadataResponseBroker, missing []string, answer map[string]Described) {
	var mu sync.Mutex
	var all sync.WaitGroup
	for _, b := range brokers {
		all.Go(func() {
			asked := time.Now()
			resp, err := c.to(ctx, b.NodeID, metadataRequest(missing))
			if err != nil {
				return
			}
			mu.Lock()
			defer mu.Unlock()
			for name, said := range topicsOf(resp.(*kmsg.MetadataResponse), asked) {
				if !errors.Is(said.Err, ErrNoTopic) {
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

// AllTopics asks for all topics that we may see.
func (c *Cluster) AllTopics(ctx context.Context) (map[string]Described, error) {
	req := kmsg.NewPtrMetadataRequest()
	req.Topics = nil
	answer, _, err := c.askMetadata(ctx, req)
	return answer, err
}

// Brokers are those that are up.
func (c *Cluster) Brokers(ctx context.Context) ([]kmsg.MetadataResponseBroker, error) {
	_, brokers, err := c.askMetadata(ctx, metadataRequest(nil))
	return brokers, err
}

func (c *Cluster) askMetadata(ctx context.Context, req *kmsg.MetadataRequest) (map[string]Described, []kmsg.MetadataResponseBroker, error) {
	ctx, cancel := Bounded(ctx)
	defer cancel()
	asked := time.Now()
	resp, err := req.RequestWith(ctx, c.Client)
	if err != nil {
		if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
			err = Ended(ctx)
		}
		return nil, nil, Unavailable(err)
	}
	return topicsOf(resp, asked), resp.Brokers, nil
}

// topicsOf reads an answer.
func topicsOf(resp *kmsg.MetadataResponse, asked time.Time) map[string]Described {
	answer := make(map[string]Described, len(resp.Topics))
	for i := range resp.Topics {
		rt := &resp.Topics[i]
		if rt.Topic == nil {
			continue
		}
		switch err := kerr.ErrorForCode(rt.ErrorCode); {
		case errors.Is(err, kerr.UnknownTopicOrPartition):
			answer[*rt.Topic] = Described{Err: ErrNoTopic}
		case err != nil:
			answer[*rt.Topic] = Described{Err: Unavailable(err)}
		default:
			answer[*rt.Topic] = Described{Topic: newTopic(rt, asked)}
		}
	}
	return answer
}

func newTopic(rt *kmsg.MetadataResponseTopic, asked time.Time) *Topic {
	t := &Topic{Name: *rt.Topic, ID: rt.TopicID, Internal: rt.IsInternal, Rights: rt.AuthorizedOperations, asked: asked}
	t.Identity = base64.RawURLEncoding.EncodeToString(t.ID[:]) // as Kafka's own tools print it
	if t.ID == [16]byte{} {
		t.Identity = "name:" + t.Name // a broker before 2.8: recreation goes unseen
	}
	t.Partitions = make([]*Leader, len(rt.Partitions))
	for i := range rt.Partitions {
		p := &rt.Partitions[i]
		if int(p.Partition) < len(t.Partitions) && p.Partition >= 0 {
			t.Partitions[p.Partition] = &Leader{Node: p.Leader, Epoch: p.LeaderEpoch, Replicas: len(p.Replicas), InSync: len(p.ISR)}
		}
	}
	for i, p := range t.Partitions {
		if p == nil {
			t.Partitions[i] = &Leader{Node: -1, Epoch: -1}
		}
	}
	return t
}

// learn keeps what was said, and what was known of leaders that are still the same.
func (c *Cluster) learn(answer map[string]Described) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for name, said := range answer {
		if said.Topic == nil {
			delete(c.topics, name)
			continue
		}
		if old := c.topics[name]; old != nil && old.ID == said.ID {
			for i, p := range said.Partitions {
				if i < len(old.Partitions) && old.Partitions[i].Epoch == p.Epoch && old.Partitions[i].settled.Load() {
					p.settled.Store(true)
				}
			}
		}
		c.topics[name] = said.Topic
	}
}

// Replication is the least number of replicas of a partition, and how many partitions have
// some that are behind, or no leader.
func (t *Topic) Replication() (least, behind, leaderless int) {
	for i, p := range t.Partitions {
		if i == 0 || p.Replicas < least {
			least = p.Replicas
		}
		if p.InSync < p.Replicas {
			behind++
		}
		if p.Node < 0 {
			leaderless++
		}
	}
	return least, behind, leaderless
}
