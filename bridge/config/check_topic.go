package config

import (
	"slices"
	"strings"
)

// checkTopics holds the names of topics against what the bus takes.
func (l checking) checkTopics() {
	l.checkTopic(l.process("TOPIC_PREFIX"), l.cfg.TopicPrefix)
	for _, pattern := range l.cfg.Topics {
		l.checkPattern(l.process("TOPICS"), pattern)
	}
}

// checkTopic wants one fixed topic.
func (l checking) checkTopic(r report, name string) { l.cfg.Bus.Kind.of().topic(r, name) }

// checkPattern wants what may stand for several topics.
func (l checking) checkPattern(r report, pattern string) { l.cfg.Bus.Kind.of().pattern(r, pattern) }

// reserved reports a topic that Hookspan writes to for reasons of its own.
func (l checking) reserved(topic string) bool {
	own, found := strings.CutPrefix(topic, l.cfg.Namespace+".")
	if !found {
		return false
	}
	first, _, _ := strings.Cut(own, ".")
	return slices.Contains([]string{"quarantine", "dead", "ops", "refusals", "registry", "state", "journal", "commands", "alerts", "seen"}, first)
}
