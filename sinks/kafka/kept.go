package kafka

import (
	"regexp"
	"slices"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/sinks/kafka/topic"
)

// Kept implements bus.Kept (K1).
func (s *Store) Kept() bus.Topics {
	patterns := append([]topic.Pattern{
		{Find: regexp.MustCompile("^" + regexp.QuoteMeta(s.names.Prefix+"."))},
	}, s.patterns...)
	for _, name := range slices.Concat(s.names.Own, s.o.Intake) {
		patterns = append(patterns, topic.Pattern{Name: name})
	}
	return s.reading(patterns)
}

// KeptOf implements bus.Kept (K2).
func (s *Store) KeptOf(name string) bus.Topics { return s.reading([]topic.Pattern{{Name: name}}) }

func (s *Store) reading(patterns []topic.Pattern) *topicReader {
	k := &topicReader{names: s.names, log: s.o.Log, cluster: s.cluster, patterns: patterns}
	k.found.init()
	return k
}

var _ bus.Kept = (*Store)(nil)
