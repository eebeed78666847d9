package kafka

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/sinks/kafka/cluster"
)

// makeTopics makes the topics that are missing and refuses those that are there and will not
// do. Several processes may do so at once.
func (s *Store) makeTopics(ctx context.Context) error {
	all := s.wanted()
	missing, err := s.missing(ctx, all)
	if err != nil {
		return err
	}
	refused := map[string]error{}
	if len(missing) > 0 {
		if refused, err = s.create(ctx, missing); err != nil {
			return err
		}
	}
	there := slices.DeleteFunc(slices.Clone(all), func(w want) bool { return refused[w.name] != nil })
	if err := s.appear(ctx, there, missing); err != nil {
		return err
	}
	conditions, err := s.inspect(ctx, there)
	if err != nil {
		return err
	}
	var faults []error
	for _, name := range slices.Sorted(maps.Keys(refused)) {
		faults = append(faults, refused[name])
	}
	for i, c := range conditions {
		if len(c.faults) > 0 {
			faults = append(faults, fmt.Errorf("topic %s: %s", there[i].name, strings.Join(c.faults, "; ")))
		}
		s.targets.learn(there[i].name, &c)
		s.note(there[i].name)
	}
	return errors.Join(faults...)
}

// missing are the topics that do not exist. One that we may not see counts as there: what is
// wrong with it is found later.
func (s *Store) missing(ctx context.Context, all []want) ([]want, error) {
	var answer map[string]cluster.Described
	err := s.cluster.RetryBriefly(ctx, func(ctx context.Context) (err error) {
		answer, err = s.cluster.Describe(ctx, namesOf(all)...)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("look for the topics: %w", err)
	}
	return slices.DeleteFunc(slices.Clone(all), func(w want) bool { return !errors.Is(answer[w.name].Err, cluster.ErrNoTopic) }), nil
}

func namesOf(list []want) []string {
	names := make([]string, len(list))
	for i := range list {
		names[i] = list[i].name
	}
	return names
}

// create makes topics and says which it could not make, and why. A topic that somebody else
// was faster to make is fine.
func (s *Store) create(ctx context.Context, list []want) (refused map[string]error, err error) {
	replicas, err := s.replicas(ctx)
	if err != nil {
		return nil, err
	}
	req := kmsg.NewPtrCreateTopicsRequest()
	req.TimeoutMillis = int32(cluster.RequestTimeout.Milliseconds())
	for i := range list {
		t := kmsg.NewCreateTopicsRequestTopic()
		t.Topic, t.NumPartitions, t.ReplicationFactor = list[i].name, int32(list[i].partitions), int16(replicas)
		settings := list[i].settings(replicas)
		for _, name := range slices.Sorted(maps.Keys(settings)) {
			c := kmsg.NewCreateTopicsRequestTopicConfig()
			c.Name, c.Value = name, kmsg.StringPtr(settings[name])
			t.Configs = append(t.Configs, c)
		}
		req.Topics = append(req.Topics, t)
	}
	resp, err := req.RequestWith(ctx, s.cluster.Client)
	if err != nil {
		return nil, fmt.Errorf("create topics: %w", cluster.Unavailable(err))
	}
	refused = map[string]error{}
	for _, t := range resp.Topics {
		err := kerr.ErrorForCode(t.ErrorCode)
		switch {
		case err == nil:
			s.o.Log.Info("topic created", "topic", t.Topic, "replicas", replicas)
		case !errors.Is(err, kerr.TopicAlreadyExists):
			refused[t.Topic] = notMade(t.Topic, replicas, err, t.ErrorMessage)
		}
	}
	return refused, nil
}

// notMade says why a topic was not made, and the remedy.
func notMade(name string, replicas int, err error, said *string) error {
	switch {
	case errors.Is(err, kerr.TopicAuthorizationFailed), errors.Is(err, kerr.ClusterAuthorizationFailed):
		return fmt.Errorf("topic %s does not exist and may not be created: grant Hookspan's user CREATE on it (or on the cluster), or create it: %w", name, err)
	case errors.Is(err, kerr.InvalidReplicationFactor):
		return fmt.Errorf("topic %s cannot be created with %d replicas: %w", name, replicas, cluster.Unavailable(err))
	}
	if said != nil && *said != "" {
		return fmt.Errorf("create topic %s: %w: %s", name, cluster.Unavailable(err), *said)
	}
	return fmt.Errorf("create topic %s: %w", name, cluster.Unavailable(err))
}

// replicas is how many a topic that is made gets.
func (s *Store) replicas(ctx context.Context) (int, error) {
	if s.o.Replicas > 0 {
		return s.o.Replicas, nil
	}
	brokers, err := s.cluster.Brokers(ctx)
	if err != nil {
		return 0, fmt.Errorf("count the brokers: %w", err)
	}
	if len(brokers) >= replicasWanted {
		return replicasWanted, nil
	}
	return 1, nil
}

// note has a topic of ours followed from now on, if a pattern finds it.
func (s *Store) note(name string) {
	if s.follows(name) {
		s.found.add(name)
	}
}

// appear waits until the brokers know the topics and all partitions of those that were made
// have a leader. One that has lost its leader since is no reason to wait.
func (s *Store) appear(ctx context.Context, list, made []want) error {
	fresh := map[string]bool{}
	for i := range made {
		fresh[made[i].name] = true
	}
	return s.cluster.RetryBriefly(ctx, func(ctx context.Context) error {
		answer, err := s.cluster.Describe(ctx, namesOf(list)...)
		if err != nil {
			return err
		}
		for i := range list {
			said := answer[list[i].name]
			if cluster.Denied(said.Err) {
				continue // inspect says which right is missing
			}
			if said.Err != nil {
				return cluster.OnTopic(list[i].name, "DESCRIBE", said.Err)
			}
			for n, p := range said.Partitions {
				if p.Node < 0 && fresh[list[i].name] {
					return fmt.Errorf("%w: partition %d of topic %s has no leader", bus.ErrUnavailable, n, list[i].name)
				}
			}
		}
		return nil
	})
}
