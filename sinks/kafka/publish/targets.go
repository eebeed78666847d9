package publish

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/sinks/kafka/cluster"
	"github.com/hookspan/hookspan/sinks/kafka/topic"
)

// A target is a topic that is written to, as it was when it was first used.
type target struct {
	topic      string
	identity   string
	partitions []bus.Partition // their names
}

// targets are the topics that have been written to.
type targets struct {
	s      *Publisher
	known  sync.Map      // *target by topic
	limits sync.Map      // bytes of a batch (int64) by topic
	insync sync.Map      // replicas in sync that a write needs (int) by topic
	turn   chan struct{} // one slot, taken by whoever adds or removes a target
}

func (t *targets) init(s *Publisher) {
	t.s, t.turn = s, make(chan struct{}, 1)
}

// limit is the largest batch that a topic takes.
func (t *targets) limit(name string) int32 {
	if n, ok := t.limits.Load(name); ok {
		return int32(n.(int64))
	}
	return topic.DefaultMessage
}

// get returns a topic to write to. One that does not exist is made; it is an event topic then,
// for those of our own exist since Open.
func (t *targets) get(ctx context.Context, topic string) (*target, error) {
	if got, ok := t.known.Load(topic); ok {
		return got.(*target), nil
	}
	if err := t.s.o.Topics.Check(topic); err != nil {
		return nil, err
	}
	select {
	case t.turn <- struct{}{}:
	case <-ctx.Done():
		return nil, cluster.Ended(ctx)
	}
	defer func() { <-t.turn }()
	if got, ok := t.known.Load(topic); ok {
		return got.(*target), nil
	}
	found, err := t.s.cluster.Lookup(ctx, topic, time.Now())
	if errors.Is(err, cluster.ErrNoTopic) {
		found, err = t.make(ctx, topic)
	}
	if err != nil {
		return nil, err
	}
	if _, ok := t.limits.Load(topic); !ok {
		t.learnLimit(ctx, topic)
	}
	made := &target{topic: topic, identity: found.Identity}
	for n := range found.Partitions {
		made.partitions = append(made.partitions, cluster.PartitionName(topic, int32(n)))
	}
	t.known.Store(topic, made)
	return made, nil
}

// make makes a topic that is missing, the way it would have been made at Open.
func (t *targets) make(ctx context.Context, topic string) (*cluster.Topic, error) {
	if err := t.s.o.Topics.Make(ctx, topic); err != nil {
		return nil, err
	}
	t.limits.Delete(topic)
	return t.s.cluster.Lookup(ctx, topic, time.Time{})
}

// learnLimit asks for the largest batch; where it is not told, Kafka's default has to do.
func (t *targets) learnLimit(ctx context.Context, topic string) {
	if l, err := t.s.o.Topics.Limits(ctx, topic); err == nil {
		t.learn(topic, l)
	}
}

func (t *targets) learn(topic string, l topic.Limits) {
	t.limits.Store(topic, l.MaxBytes)
	if l.MinInSync > 0 {
		t.insync.Store(topic, l.MinInSync)
	}
}

// void forgets a target whose topic was deleted, and maybe made anew. Only the first to notice
// does anything.
func (t *targets) void(ctx context.Context, old *target) error {
	return t.review(ctx, old, func() bool {
		t.limits.Delete(old.topic)
		return true
	})
}

// shrunk looks whether a topic takes smaller batches than it did, and forgets it then.
func (t *targets) shrunk(ctx context.Context, old *target) (yes bool, err error) {
	err = t.review(ctx, old, func() bool {
		before := t.limit(old.topic)
		t.learnLimit(ctx, old.topic)
		yes = t.limit(old.topic) < before
		return yes
	})
	return yes, err
}

// review forgets a target that is still in use, if forget says so. The client library has to
// forget it, too.
func (t *targets) review(ctx context.Context, old *target, forget func() bool) error {
	select {
	case t.turn <- struct{}{}:
	case <-ctx.Done():
		return cluster.Ended(ctx)
	}
	defer func() { <-t.turn }()
	if got, ok := t.known.Load(old.topic); !ok || got != old || !forget() {
		return nil
	}
	t.known.Delete(old.topic)
	t.s.cluster.Client.PurgeTopicsFromProducing(old.topic)
	t.s.o.Log.Warn("a topic is not what it was, looking again", "topic", old.topic)
	return nil
}

// partition names one, which may have been added since the target was looked up.
func (t *target) partition(n int32) bus.Partition {
	if int(n) < len(t.partitions) {
		return t.partitions[n]
	}
	return cluster.PartitionName(t.topic, n)
}

// receipt says where an event went.
func (t *target) receipt(n int32, offset int64) bus.Receipt {
	return bus.Receipt{Partition: t.partition(n), Position: bus.Position{Identity: t.identity, Seq: offset}}
}
