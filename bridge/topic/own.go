package topic

import (
	"slices"
	"strings"
)

// Own are the topics of events, in a namespace, that Hookspan itself writes whatever the sources are:
// what is no event, what nobody proved, what could not be delivered, and what operators should know.
func Own(namespace string) []string {
	return []string{namespace + ".quarantine", namespace + ".unverified", namespace + ".dead", namespace + ".ops"}
}

// Reserved reports whether a topic is one of a namespace that Hookspan writes to for reasons of its own,
// or lies below one.
func Reserved(namespace, name string) bool {
	under, found := strings.CutPrefix(name, namespace+".")
	if !found {
		return false
	}
	first, _, _ := strings.Cut(under, ".")
	return slices.Contains(Own(namespace), namespace+"."+first) || slices.Contains(beside[:], first) || slices.Contains([]string{"alerts", "seen"}, first)
}
