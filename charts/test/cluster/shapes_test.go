//go:build cluster

package cluster

import (
	"fmt"
	"testing"
)

// A shape is one of those that bus.kind gives the chart.
type shape struct {
	kind     string
	replicas int
	bus      string // its URL, where it is outside of the pods
	affinity string // in place of the chart's, as YAML
	claims   []string
}

// together lets members of a cluster share the node: there is no other. A cluster that begins with
// the backup of a single pod has that pod's values.
const together = `{podAntiAffinity: {preferredDuringSchedulingIgnoredDuringExecution: [{weight: 1, ` +
	`podAffinityTerm: {topologyKey: kubernetes.io/hostname, labelSelector: {matchLabels: {app.kubernetes.io/instance: hs}}}}]}}`

func (s shape) workload() string {
	if s.embedded() {
		return "statefulset/hs-hookspan"
	}
	return "deployment/hs-hookspan"
}

func (s shape) embedded() bool { return s.bus == "" }

// shared has pods that take over from each other.
func (s shape) shared() bool { return s.replicas > 1 }

func (s shape) String() string { return fmt.Sprintf("bus.kind %s with %d pods", s.kind, s.replicas) }

func TestEmbedded(t *testing.T) {
	shape{kind: "embedded", replicas: 1, affinity: together, claims: []string{"data-hs-hookspan-0"}}.live(t)
}

func TestEmbeddedCluster(t *testing.T) {
	shape{
		kind: "embedded-cluster", replicas: 3, affinity: together,
		claims: []string{"data-hs-hookspan-0", "data-hs-hookspan-1", "data-hs-hookspan-2"},
	}.live(t)
}

func TestNATS(t *testing.T) {
	shape{kind: "nats", replicas: 2, bus: startNATS(t)}.live(t)
}

func TestKafka(t *testing.T) {
	shape{kind: "kafka", replicas: 2, bus: startKafka(t)}.live(t)
}
