package config

import (
	"regexp"
	"slices"
	"strings"
	"unicode"
)

// checkTopics holds the names of topics against what the bus takes.
func (l *loading) checkTopics() {
	l.checkTopic(l.process("TOPIC_PREFIX"), l.cfg.TopicPrefix)
	for _, pattern := range l.cfg.Topics {
		l.checkPattern(l.process("TOPICS"), pattern)
	}
}

// checkTopic wants one fixed topic.
func (l *loading) checkTopic(r report, topic string) {
	if l.cfg.Bus.Kind == BusKafka {
		r.unless(validKafkaTopic(topic), "want a Kafka topic's name: up to 249 of a-z, A-Z, 0-9, dot, _ and -")
		return
	}
	r.unless(validTopic(topic), "want words joined by dots, without spaces and wildcards")
}

// checkPattern wants what may stand for several topics: a NATS pattern, or on Kafka a name or
// a /regex/.
func (l *loading) checkPattern(r report, pattern string) {
	if l.cfg.Bus.Kind != BusKafka {
		r.unless(validPattern(pattern), "want NATS patterns such as shop.> or orders.*.paid")
		return
	}
	if text, open := strings.CutPrefix(pattern, "/"); open {
		text, closed := strings.CutSuffix(text, "/")
		_, err := regexp.Compile(text)
		r.unless(closed && text != "" && err == nil, `want a regular expression between slashes, such as /^shop\./; one with a comma goes into the file's list`)
		return
	}
	r.unless(validKafkaTopic(pattern), `want names of Kafka topics, or /regex/ such as /^shop\./`)
}

// validTopic takes words joined by dots, without white space, wildcards and control characters.
func validTopic(topic string) bool {
	for word := range strings.SplitSeq(topic, ".") {
		if word == "" || strings.ContainsFunc(word, func(r rune) bool { return notInWord(r) || r == '*' || r == '>' }) {
			return false
		}
	}
	return true
}

// validPattern takes words joined by dots, of which any may be *, and the last one >.
func validPattern(pattern string) bool {
	words := strings.Split(pattern, ".")
	for i, word := range words {
		switch {
		case word == "*", word == ">" && i == len(words)-1:
		case word == "", word == ">", strings.ContainsFunc(word, notInWord):
			return false
		}
	}
	return true
}

func notInWord(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }

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
