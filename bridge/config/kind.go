package config

import (
	"slices"
	"strings"
)

// BusKind is a closed set.
type BusKind string

const (
	BusEmbedded BusKind = "embedded"
	BusNATS     BusKind = "nats"
	BusKafka    BusKind = "kafka"
)

// A kind is what the configuration knows of one bus. It stands in a file of its own, with the
// settings of that bus; here they are listed.
type kind struct {
	name    BusKind
	system  string          // what it is to OpenTelemetry (messaging.system)
	schemes map[string]bool // of HOOKSPAN_BUS; true with TLS
	own     []string        // how settings begin that say something about this bus
	// perSource: all types of a source share its topic.
	perSource bool

	check   func(l checking)                // holds its settings against each other
	copies  func(r report, n int)           // of a topic that it can keep
	topic   func(r report, name string)     // what one topic may be called
	pattern func(r report, pattern string)  // what stands for several topics
	below   func(topicPrefix string) string // the pattern of all topics below a prefix
}

// kinds are all buses that there are.
func kinds() []kind { return []kind{embeddedKind(), natsKind(), kafkaKind()} }

// BusKinds are their names.
func BusKinds() (names []BusKind) {
	for _, k := range kinds() {
		names = append(names, k.name)
	}
	return names
}

// of is what is known of the bus; of the embedded one, where none was named yet.
func (k BusKind) of() kind {
	all := kinds()
	return all[max(0, slices.IndexFunc(all, func(one kind) bool { return one.name == k }))]
}

// TopicPerSource reports whether all types of a source share its topic.
func (k BusKind) TopicPerSource() bool { return k.of().perSource }

// System is what OpenTelemetry calls the bus.
func (k BusKind) System() string { return k.of().system }

// idle is how settings begin that are of other buses alone.
func (k BusKind) idle() (begin []string) {
	own := k.of().own
	for _, other := range kinds() {
		for _, b := range other.own {
			if !slices.Contains(own, b) && !slices.Contains(begin, b) {
				begin = append(begin, b)
			}
		}
	}
	return begin
}

// ofScheme is the bus that a URL's scheme names.
func ofScheme(scheme string) (Bus, bool) {
	for _, k := range kinds() {
		if tls, known := k.schemes[scheme]; known {
			return Bus{Kind: k.name, TLS: tls}, true
		}
	}
	return Bus{}, false
}

// OfBus reports whether a variable says where a bus is, how to log in there or what to make
// there.
func OfBus(variable string) bool {
	begin := []string{"BUS_", "REPLICAS="}
	for _, k := range kinds() {
		if len(k.schemes) > 0 { // elsewhere than in the process
			begin = append(begin, k.own[0])
		}
	}
	return slices.ContainsFunc(begin, func(b string) bool { return strings.HasPrefix(variable, prefix+b) })
}
