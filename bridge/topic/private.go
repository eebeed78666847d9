package topic

import (
	"iter"
	"slices"
	"strings"
)

// beside are what every installation keeps beside events, each on a topic of its own.
var beside = [...]string{"state", "registry", "commands", "journal", "refusals"}

// Installations are the namespaces in which there is a topic for each thing that Hookspan keeps
// beside events. By that an installation is known to others, for which the topics have no mark.
func Installations(topics iter.Seq[string]) []string {
	kept := map[string]int{} // a bit for each thing
	var complete []string
	for name := range topics {
		name = strings.TrimSuffix(name, ".*") // of subjects: one for each shard
		for i, what := range beside {
			namespace, found := strings.CutSuffix(name, "."+what)
			if !found || kept[namespace]&(1<<i) != 0 {
				continue
			}
			if kept[namespace] |= 1 << i; kept[namespace] == 1<<len(beside)-1 {
				complete = append(complete, namespace)
			}
		}
	}
	return complete
}

// ReservedStream reports a stream of JetStream in which an installation keeps something beside events,
// or JetStream a bucket.
func ReservedStream(namespace, name string) bool {
	if strings.HasPrefix(name, "KV_") || strings.HasPrefix(name, "OBJ_") {
		return true
	}
	what, ours := strings.CutPrefix(name, strings.ToUpper(namespace)+"_")
	return ours && slices.Contains(beside[:], strings.ToLower(what))
}
