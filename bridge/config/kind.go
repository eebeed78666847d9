package config

import (
	"maps"
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
	forms   []string        // how HOOKSPAN_BUS names it
	schemes map[string]bool // of HOOKSPAN_BUS; true with TLS
	own     []string        // how settings begin that say something about this bus
	// perSource: all types of a source share its topic.
	perSource bool
	alone     func(c *Config) bool // no other process uses the bus; nil: others do

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

// BusForms are the forms of HOOKSPAN_BUS, as a sentence lists them.
func BusForms() string {
	var forms []string
	for _, k := range kinds() {
		forms = append(forms, k.forms...)
	}
	last := len(forms) - 1
	return strings.Join(forms[:last], ", ") + " or " + forms[last]
}

// secureSchemes are those with TLS, as they begin HOOKSPAN_BUS.
func secureSchemes() (list []string) {
	for _, k := range kinds() {
		for _, scheme := range slices.Sorted(maps.Keys(k.schemes)) {
			if k.schemes[scheme] {
				list = append(list, scheme+"://")
			}
		}
	}
	return list
}

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

// ofName is a bus that needs no more than its name, because it is in the process.
func ofName(name string) (BusKind, bool) {
	inside := slices.ContainsFunc(kinds(), func(k kind) bool { return len(k.schemes) == 0 && string(k.name) == name })
	return BusKind(name), inside
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
