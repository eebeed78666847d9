package backup

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/hookspan/hookspan/bridge/topic"
)

// A Layout says how an installation names its topics.
type Layout struct {
	Namespace string   `json:"namespace"`
	Prefix    string   `json:"prefix"`              // of event topics
	PerSource bool     `json:"per_source,omitzero"` // all types of a source share its topic, as on Kafka
	Sources   []string `json:"sources,omitempty"`   // topics of the configured sources
}

// beside: the topic is one that Hookspan itself writes, whatever the sources.
func (l *Layout) beside(name string) bool {
	return slices.Contains(topic.Own(l.Namespace), name)
}

// A translation turns the topics of one layout into those of another.
type translation struct {
	from, to Layout
	// typed is the topic of a source's events of one type, where types have topics of their own.
	typed func(source, eventType string) string
}

// refuse: two installations that share nothing but the cluster must not be taken for one.
func (t *translation) refuse() error {
	for _, same := range []struct{ what, setting, was, is string }{
		{"namespace", "HOOKSPAN_NAMESPACE", t.from.Namespace, t.to.Namespace},
		{"topic prefix", "HOOKSPAN_TOPIC_PREFIX", t.from.Prefix, t.to.Prefix},
	} {
		if same.was != same.is {
			return fmt.Errorf("the backup is of the %s %s, and this installation has %s: set %s=%s", same.what, same.was, same.is, same.setting, same.was)
		}
	}
	return nil
}

// topic is where an event goes.
func (t *translation) topic(name, eventType string) string {
	source, found := t.source(name)
	switch {
	case t.from.PerSource == t.to.PerSource || t.to.beside(name) || !found:
		return name
	case t.to.PerSource:
		return source
	}
	return t.typed(source, eventType)
}

// source is the topic of the source that a topic is, or lies under.
func (t *translation) source(name string) (topic string, found bool) {
	for _, s := range slices.Concat(t.from.Sources, t.to.Sources) {
		if len(s) > len(topic) && (name == s || strings.HasPrefix(name, s+".")) {
			topic = s
		}
	}
	if topic != "" {
		return topic, true
	}
	if rest, ok := strings.CutPrefix(name, t.to.Prefix+"."); ok { // names of sources have no dots
		first, _, _ := strings.Cut(rest, ".")
		return t.to.Prefix + "." + first, true
	}
	return "", false
}

// patterns are the topics that an endpoint takes. One that says more than the new bus can tell
// apart is an error: the endpoint would get more than it asked for, or nothing.
func (t *translation) patterns(list []string) ([]string, error) {
	if t.from.PerSource == t.to.PerSource {
		return list, nil
	}
	next := make([]string, 0, len(list))
	for _, p := range list {
		made, err := t.pattern(p)
		if err != nil {
			return nil, err
		}
		next = append(next, made)
	}
	return next, nil
}

func (t *translation) pattern(p string) (string, error) {
	all, every := t.to.Prefix+".>", "/^"+regexp.QuoteMeta(t.to.Prefix+".")+"/"
	switch {
	case t.to.beside(p):
		return p, nil
	case t.to.PerSource && p == all:
		return every, nil
	case !t.to.PerSource && p == every:
		return all, nil
	}
	own := []string{all}
	for _, s := range slices.Concat(t.from.Sources, t.to.Sources) {
		own = append(own, s, s+".>")
	}
	if !topic.MeetsAny(p, own) { // topics of somebody else: the same on both
		return p, nil
	}
	name := p
	if t.to.PerSource {
		name = strings.TrimSuffix(p, ".>")
	}
	if source, _ := t.source(name); source == name && !strings.ContainsAny(name, "*>/") {
		switch {
		case !t.to.PerSource:
			return source + ".>", nil
		case name != p:
			return source, nil
		}
	}
	return "", fmt.Errorf("takes the topics %s, for which this kind of bus has no name: give it topics of whole sources, and events for the types, before the backup", p)
}
