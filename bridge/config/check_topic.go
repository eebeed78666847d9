package config

import "github.com/hookspan/hookspan/bridge/topic"

// checkTopics holds the names of topics against what the bus takes.
func (l checking) checkTopics() {
	l.checkTopic(l.process("TOPIC_PREFIX"), l.cfg.TopicPrefix)
	l.process("TOPIC_PREFIX").unless(!l.reserved(l.cfg.TopicPrefix), "this topic is Hookspan's own; choose one such as "+l.cfg.Namespace+".events")
	if l.cfg.Bus.Kind != BusKafka { // where no topic holds another
		l.process("TOPIC_PREFIX").unless(l.cfg.TopicPrefix != l.cfg.Namespace, "all that Hookspan keeps is below this topic; choose one such as "+l.cfg.Namespace+".events")
	}
	for _, pattern := range l.cfg.Topics {
		l.checkPattern(l.process("TOPICS"), pattern)
	}
}

// checkTopic wants one fixed topic.
func (l checking) checkTopic(r report, name string) { l.cfg.Bus.Kind.of().topic(r, name) }

// checkPattern wants what may stand for several topics.
func (l checking) checkPattern(r report, pattern string) { l.cfg.Bus.Kind.of().pattern(r, pattern) }

// reserved reports a topic that Hookspan writes to for reasons of its own.
func (l checking) reserved(name string) bool { return topic.Reserved(l.cfg.Namespace, name) }
