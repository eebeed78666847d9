package config

import (
	"slices"
	"strings"

	"github.com/hookspan/hookspan/bridge/topic"
)

// checkTopics holds the names of topics against what the bus takes.
func (l *loading) checkTopics() {
	l.checkTopic(l.process("TOPIC_PREFIX"), l.cfg.TopicPrefix)
	for _, pattern := range l.cfg.Topics {
		l.checkPattern(l.process("TOPICS"), pattern)
	}
}

// checkTopic wants one fixed topic.
func (l *loading) checkTopic(r report, name string) {
	if l.cfg.Bus.Kind == BusKafka {
		r.unless(validKafkaTopic(name), "want a Kafka topic's name: up to 249 of a-z, A-Z, 0-9, dot, _ and -")
		return
	}
	r.unless(topic.Valid(name), "want words joined by dots, without spaces and wildcards")
}

// checkPattern wants what may stand for several topics: a NATS pattern, or on Kafka a name or
// a /regex/.
func (l *loading) checkPattern(r report, pattern string) {
	if l.cfg.Bus.Kind != BusKafka {
		r.unless(topic.ValidPattern(pattern), "want NATS patterns such as shop.> or orders.*.paid")
		return
	}
	if text, open := strings.CutPrefix(pattern, "/"); open {
		_, err := topic.Compile(pattern)
		r.unless(strings.TrimSuffix(text, "/") != text && len(text) > 1 && err == nil, `want a regular expression between slashes, such as /^shop\./; one with a comma goes into the file's list`)
		return
	}
	r.unless(validKafkaTopic(pattern), `want names of Kafka topics, or /regex/ such as /^shop\./`)
}

// validKafkaTopic is the broker's own rule (org.apache.kafka.common.internals.Topic).
func validKafkaTopic(topic string) bool {
	const legal = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-"
	return topic != "" && topic != "." && topic != ".." && len(topic) <= 249 && strings.Trim(topic, legal) == ""
}

// reserved reports a topic that Hookspan writes to for reasons of its own.
func (l *loading) reserved(topic string) bool {
	own, found := strings.CutPrefix(topic, l.cfg.Namespace+".")
	if !found {
		return false
	}
	first, _, _ := strings.Cut(own, ".")
	return slices.Contains([]string{"quarantine", "dead", "ops", "refusals", "registry", "state", "journal", "commands", "seen"}, first)
}
