package kafka

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/hookspan/hookspan/sinks/kafka/publish"
)

// PublishBare publishes n records with the client library alone and nothing of ours, and
// returns once all of them are acknowledged: what the brokers take from anybody, for Publish to
// be measured against. It is for benchmarks.
func (s *Store) PublishBare(ctx context.Context, topic string, data []byte, n int64, inFlight int) error {
	topic = s.topicOf(topic)
	client, err := kgo.NewClient(append([]kgo.Opt{kgo.ProducerLinger(publish.Linger)}, s.cluster.Options...)...)
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	defer client.Close()
	var next atomic.Int64
	errs := make([]error, inFlight)
	var running sync.WaitGroup
	for i := range inFlight {
		running.Go(func() {
			acked := make(chan error, 1) // the library's promise sends, this goroutine receives
			for next.Add(1) <= n && errs[i] == nil {
				client.Produce(ctx, &kgo.Record{Topic: topic, Value: data}, func(_ *kgo.Record, err error) { acked <- err })
				errs[i] = <-acked
			}
		})
	}
	running.Wait()
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("publish to %s: %w", topic, err)
	}
	return nil
}

// Remove deletes every topic of the namespace, events included, and the group that shares the
// shards out. Nobody may use them any more. It is for benchmarks, in a namespace of their own.
func (s *Store) Remove(ctx context.Context) error {
	topics, err := s.cluster.Admin.ListTopics(ctx)
	if err != nil {
		return fmt.Errorf("list the topics: %w", err)
	}
	var ours []string
	for _, name := range topics.Names() {
		if strings.HasPrefix(name, s.names.Namespace+".") {
			ours = append(ours, name)
		}
	}
	deleted, err := s.cluster.Admin.DeleteTopics(ctx, ours...)
	if err = errors.Join(err, deleted.Error()); err != nil {
		return fmt.Errorf("delete the topics of %s: %w", s.names.Namespace, err)
	}
	groups, err := s.cluster.Admin.DeleteGroups(ctx, s.group())
	if err == nil {
		err = groups[s.group()].Err
	}
	// Without a coordinator there is no group: it comes with the first one.
	if err != nil && !errors.Is(err, kerr.GroupIDNotFound) && !errors.Is(err, kerr.CoordinatorNotAvailable) {
		return fmt.Errorf("delete the group %s: %w", s.group(), err)
	}
	return nil
}
