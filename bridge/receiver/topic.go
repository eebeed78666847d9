package receiver

import (
	"strings"
	"unicode/utf8"

	"github.com/hookspan/hookspan/bridge/topic"
)

const (
	// maxTopicBase and maxTopicType bound a topic: a NATS server drops a connection that sends
	// a longer control line than 4096 bytes, and a Kafka topic has at most 249.
	maxTopicBase = 200
	maxTopicType = 200
)

// Topic is where an event of a source goes: the source's base and the provider's own type,
// which is the event's type without the type prefix in front. What a subject cannot hold
// (wildcards, spaces, controls, bytes that are not UTF-8, empty tokens) becomes _, and a type
// longer than 200 bytes is cut, so a sender cannot name any topic outside of base.
func Topic(base, eventType, typePrefix string) string {
	return base + "." + topicName(eventType, typePrefix)
}

// topicName is what an event's type adds to the topic of its source.
func topicName(eventType, typePrefix string) string {
	name := eventType
	if rest, ok := strings.CutPrefix(eventType, typePrefix+"."); ok && typePrefix != "" {
		name = rest
	}
	if len(name) > maxTopicType {
		name = cut(name, maxTopicType)
	}
	if plain(name) {
		return name
	}
	tokens := strings.Split(name, ".")
	for i := range tokens {
		tokens[i] = sanitize(tokens[i])
	}
	return strings.Join(tokens, ".")
}

// plain reports the usual case: nothing in the name has to be replaced.
func plain(name string) bool {
	if name == "" {
		return false
	}
	previous := byte('.')
	for i := 0; i < len(name); i++ {
		c := name[i]
		if c <= ' ' || c == '*' || c == '>' || c >= 0x7f || (c == '.' && previous == '.') {
			return false
		}
		previous = c
	}
	return previous != '.'
}

// sanitize makes one token of what stands between two dots.
func sanitize(token string) string {
	if token == "" {
		return "_"
	}
	return strings.Map(func(r rune) rune {
		if topic.Allowed(r) {
			return r
		}
		return '_'
	}, token)
}

// cut shortens s to at most n bytes without splitting a character.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}
