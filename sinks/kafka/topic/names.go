package topic

import (
	"iter"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/topic"
)

// Names are the topics of an installation.
type Names struct {
	Namespace, Prefix                                  string
	State, Registry, Commands, Journal, Refusals, Seen string
	Alerts, Quarantine                                 string
	Own                                                []string // of events, written by Hookspan itself
}

// Private reports whether a topic is one of those that Hookspan keeps beside events.
func (n *Names) Private(topic string) bool {
	switch topic {
	case n.State, n.Registry, n.Commands, n.Alerts, n.Journal, n.Refusals, n.Seen:
		return true
	}
	return false
}

// Installations are the names of those that are known by what they keep, among all topics there are.
func Installations(topics iter.Seq[string]) (all []Names) {
	for _, namespace := range topic.Installations(topics) {
		all = append(all, NewNames(namespace, ""))
	}
	return all
}

// Refuse fails when a pattern stands for nothing but what an installation keeps beside events.
func (n *Names) Refuse(patterns []Pattern) error {
	for _, p := range patterns {
		if n.Private(p.Only()) {
			return &bus.PrivateError{Pattern: p.String(), Namespace: n.Namespace}
		}
	}
	return nil
}

// NewNames are those of a namespace.
func NewNames(ns, prefix string) Names {
	return Names{
		Namespace: ns, Prefix: prefix,
		State: ns + ".state", Registry: ns + ".registry", Commands: ns + ".commands",
		Journal: ns + ".journal", Refusals: ns + ".refusals", Seen: ns + ".seen",
		Alerts: ns + ".alerts", Quarantine: ns + ".quarantine", Own: topic.Own(ns),
	}
}
