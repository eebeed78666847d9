package topic

// Own are the topics of events, in a namespace, that Hookspan itself writes whatever the sources are:
// what is no event, what nobody proved, what could not be delivered, and what operators should know.
func Own(namespace string) []string {
	return []string{namespace + ".quarantine", namespace + ".unverified", namespace + ".dead", namespace + ".ops"}
}
