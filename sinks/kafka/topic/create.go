package topic

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

// MakeAll makes the topics that are missing and refuses those that are there and will not
// do. Several processes may do so at once. learn is told of each that is there.
func (l *Layout) MakeAll(ctx context.Context, learn func(*Condition)) error {
	all := l.Wanted()
	missing, err := l.Missing(ctx, all)
	if err != nil {
		return err
	}
	if err := l.refuseLost(ctx, missing); err != nil {
		return err
	}
	refused := map[string]error{}
	if len(missing) > 0 {
		if refused, err = l.create(ctx, missing); err != nil {
			return err
		}
	}
	there := slices.DeleteFunc(slices.Clone(all), func(w Want) bool { return refused[w.Name] != nil })
	if err := l.appear(ctx, there, missing); err != nil {
		return err
	}
	conditions, err := l.Inspect(ctx, there)
	if err != nil {
		return err
	}
	var faults []error
	for _, name := range slices.Sorted(maps.Keys(refused)) {
		faults = append(faults, refused[name])
	}
	for i, c := range conditions {
		if len(c.faults) > 0 {
			faults = append(faults, fmt.Errorf("topic %s: %s", there[i].Name, strings.Join(c.faults, "; ")))
		}
		learn(&c)
	}
	return errors.Join(faults...)
}

// Missing are the topics that do not exist. One that we may not see counts as there: what is
// wrong with it is found later.
func (l *Layout) Missing(ctx context.Context, all []Want) ([]Want, error) {
	var answer map[string]cluster.Described
	err := l.cluster.RetryBriefly(ctx, func(ctx context.Context) (err error) {
		answer, err = l.cluster.Describe(ctx, NamesOf(all)...)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("look for the topics: %w", err)
	}
	return slices.DeleteFunc(slices.Clone(all), func(w Want) bool { return !errors.Is(answer[w.Name].Err, cluster.ErrNoTopic) }), nil
}

// refuseLost fails when one of state and registry is missing and the other one holds records: to
// make it empty would forget silently what was pending, or for whom.
func (l *Layout) refuseLost(ctx context.Context, missing []Want) error {
	lost := func(name string) bool {
		return slices.ContainsFunc(missing, func(w Want) bool { return w.Name == name })
	}
	name, other := l.o.Names.State, l.o.Names.Registry
	if lost(other) {
		name, other = other, name
	}
	if !lost(name) || lost(other) {
		return nil
	}
	holds := false
	err := l.cluster.RetryBriefly(ctx, func(ctx context.Context) (err error) {
		holds, err = l.holdsRecords(ctx, other)
		return err
	})
	if err != nil || !holds {
		return err
	}
	return fmt.Errorf("topic %s is missing although %s holds records: restore it from a backup, or remove %s too and begin anew", name, other, other)
}

// holdsRecords reports whether anything was ever written to a topic. What we may not see is told of
// later.
func (l *Layout) holdsRecords(ctx context.Context, name string) (bool, error) {
	answer, err := l.cluster.Describe(ctx, name)
	if err != nil {
		return false, err
	}
	said := answer[name]
	switch {
	case cluster.Denied(said.Err):
		return false, nil
	case said.Err != nil:
		return false, cluster.OnTopic(name, "DESCRIBE", said.Err)
	}
	refs := make([]cluster.PartitionRef, len(said.Partitions))
	for n := range refs {
		refs[n] = said.Ref(int32(n))
	}
	ends, err := l.cluster.Offsets(ctx, refs, cluster.Latest, cluster.ReadUncommitted)
	if err != nil {
		return false, err
	}
	return slices.ContainsFunc(ends, func(end cluster.ListedOffset) bool { return end.Offset > 0 }), nil
}

func NamesOf(list []Want) []string {
	names := make([]string, len(list))
	for i := range list {
		names[i] = list[i].Name
	}
	return names
}

// create makes topics and says which it could not make, and why. A topic that somebody else
// was faster to make is fine.
func (l *Layout) create(ctx context.Context, list []Want) (refused map[string]error, err error) {
	replicas, err := l.replicas(ctx)
	if err != nil {
		return nil, err
	}
	req := kmsg.NewPtrCreateTopicsRequest()
	req.TimeoutMillis = int32(cluster.RequestTimeout.Milliseconds())
	for i := range list {
		t := kmsg.NewCreateTopicsRequestTopic()
		t.Topic, t.NumPartitions, t.ReplicationFactor = list[i].Name, int32(list[i].partitions), int16(replicas)
		settings := list[i].settings(replicas)
		for _, name := range slices.Sorted(maps.Keys(settings)) {
			c := kmsg.NewCreateTopicsRequestTopicConfig()
			c.Name, c.Value = name, kmsg.StringPtr(settings[name])
			t.Configs = append(t.Configs, c)
		}
		req.Topics = append(req.Topics, t)
	}
	resp, err := req.RequestWith(ctx, l.cluster.Client)
	if err != nil {
		return nil, fmt.Errorf("create topics: %w", cluster.Unavailable(err))
	}
	refused = map[string]error{}
	for _, t := range resp.Topics {
		err := kerr.ErrorForCode(t.ErrorCode)
		switch {
		case err == nil:
			l.o.Log.Info("topic created", "topic", t.Topic, "replicas", replicas)
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
func (l *Layout) replicas(ctx context.Context) (int, error) {
	if l.o.Replicas > 0 {
		return l.o.Replicas, nil
	}
	brokers, err := l.cluster.Brokers(ctx)
	if err != nil {
		return 0, fmt.Errorf("count the brokers: %w", err)
	}
	if len(brokers) >= replicasWanted {
		return replicasWanted, nil
	}
	return 1, nil
}

// Make makes a topic that is missing, the way it would have been made at Open.
func (l *Layout) Make(ctx context.Context, topic string) error {
	w := l.eventTopic(topic)
	for _, one := range l.Wanted() {
		if one.Name == topic {
			w = one
		}
	}
	refused, err := l.create(ctx, []Want{w})
	if err == nil {
		err = refused[topic]
	}
	if err == nil {
		err = l.appear(ctx, []Want{w}, []Want{w})
	}
	return err
}

// appear waits until the brokers know the topics and all partitions of those that were made
// have a leader. One that has lost its leader since is no reason to wait.
func (l *Layout) appear(ctx context.Context, list, made []Want) error {
	fresh := map[string]bool{}
	for i := range made {
		fresh[made[i].Name] = true
	}
	return l.cluster.RetryBriefly(ctx, func(ctx context.Context) error {
		answer, err := l.cluster.Describe(ctx, NamesOf(list)...)
		if err != nil {
			return err
		}
		for i := range list {
			said := answer[list[i].Name]
			if cluster.Denied(said.Err) {
				continue // inspect says which right is missing
			}
			if said.Err != nil {
				return cluster.OnTopic(list[i].Name, "DESCRIBE", said.Err)
			}
			for n, p := range said.Partitions {
				if p.Node < 0 && fresh[list[i].Name] {
					return fmt.Errorf("%w: partition %d of topic %s has no leader", bus.ErrUnavailable, n, list[i].Name)
				}
			}
		}
		return nil
	})
}
