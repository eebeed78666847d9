package kafka

import (
	"regexp"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/sinks/kafka/topic"
)

// Kept implements bus.Kept (K1).
func (s *Store) Kept() bus.Topics {
	k := &topicReader{names: s.names, log: s.o.Log, cluster: s.cluster, patterns: append([]topic.Pattern{
		{Find: regexp.MustCompile("^" + regexp.QuoteMeta(s.names.Prefix+"."))},
		{Name: s.names.Quarantine}, {Name: s.names.Dead}, {Name: s.names.Ops},
	}, s.patterns...)}
	for _, name := range s.o.Intake {
		k.patterns = append(k.patterns, topic.Pattern{Name: name})
	}
	k.found.init()
	return k
}

// Told implements bus.Kept (K2).
func (s *Store) Told() bus.Topics {
	k := &topicReader{names: s.names, log: s.o.Log, cluster: s.cluster, patterns: []topic.Pattern{{Name: s.names.Ops}}}
	k.found.init()
	return k
}

var _ bus.Kept = (*Store)(nil)
