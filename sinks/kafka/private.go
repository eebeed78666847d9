package kafka

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/hookspan/hookspan/sinks/kafka/cluster"
	"github.com/hookspan/hookspan/sinks/kafka/topic"
)

// meet takes in which installations there are. One that was seen stays known.
func (f *found) meet(all []topic.Names) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, n := range all {
		f.others[n.Namespace] = n
	}
}

// private reports whether a topic is one of what another installation keeps beside events.
func (f *found) private(name string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, n := range f.others {
		if n.Private(name) {
			return true
		}
	}
	return false
}

// refusePrivate fails when a pattern stands for nothing but what another installation keeps.
func (s *topicReader) refusePrivate(ctx context.Context) error {
	if !slices.ContainsFunc(s.patterns, func(p topic.Pattern) bool { return p.Only() != "" }) {
		return nil
	}
	var topics map[string]cluster.Described
	err := s.cluster.RetryBriefly(ctx, func(ctx context.Context) (err error) {
		topics, err = s.cluster.AllTopics(ctx)
		return err
	})
	if err != nil {
		return fmt.Errorf("look for other installations: %w", err)
	}
	for _, n := range topic.Installations(maps.Keys(topics)) {
		if err := n.Refuse(s.patterns); err != nil {
			return err
		}
	}
	return nil
}
