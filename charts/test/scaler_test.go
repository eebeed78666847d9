package test

import (
	"maps"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	yamlv3 "go.yaml.in/yaml/v3"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	"sigs.k8s.io/yaml"
)

// Two pods, of which the second is a little behind the first in reading. Retries and what another
// release has are not theirs to be fast with.
const behind = `
interval: 1m
input_series:
  - {series: 'hookspan_pending{namespace="events",pod="hs-hookspan-7d9f8c6b5d-x2x4z",reason="behind"}', values: "100x5"}
  - {series: 'hookspan_pending{namespace="events",pod="hs-hookspan-7d9f8c6b5d-b5c6d",reason="behind"}', values: "200x5"}
  - {series: 'hookspan_pending{namespace="events",pod="hs-hookspan-7d9f8c6b5d-b5c6d",reason="limited"}', values: "50x5"}
  - {series: 'hookspan_pending{namespace="events",pod="hs-hookspan-7d9f8c6b5d-b5c6d",reason="retry"}', values: "4000x5"}
  - {series: 'hookspan_pending{namespace="events",pod="hs-hookspan-eu-7d9f8c6b5d-b5c6d",reason="behind"}', values: "9000x5"}
  - {series: 'hookspan_lag_events{namespace="events",pod="hs-hookspan-7d9f8c6b5d-x2x4z"}', values: "500x5"}
  - {series: 'hookspan_lag_events{namespace="events",pod="hs-hookspan-7d9f8c6b5d-b5c6d"}', values: "700x5"}
  - {series: 'hookspan_pending_oldest_seconds{namespace="events",pod="hs-hookspan-7d9f8c6b5d-x2x4z",reason="behind"}', values: "30x5"}
  - {series: 'hookspan_pending_oldest_seconds{namespace="events",pod="hs-hookspan-7d9f8c6b5d-b5c6d",reason="behind"}', values: "90x5"}
  - {series: 'hookspan_intake_requests_total{namespace="events",pod="hs-hookspan-7d9f8c6b5d-x2x4z",outcome="accepted"}', values: "0+60x5"}
  - {series: 'hookspan_intake_requests_total{namespace="events",pod="hs-hookspan-7d9f8c6b5d-b5c6d",outcome="refused"}', values: "0+120x5"}
  - {series: 'hookspan_intake_requests_total{namespace="events",pod="hs-hookspan-eu-7d9f8c6b5d-b5c6d",outcome="accepted"}', values: "0+6000x5"}
`

// scaledBy are the ScaledObjects of a release.
func scaledBy(t *testing.T, values string) (all []scaledObject) {
	t.Helper()
	objects, _, err := release{values: values}.render(t)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range objects {
		if !strings.Contains(text, "kind: ScaledObject") {
			continue
		}
		var so scaledObject
		if err := yaml.Unmarshal([]byte(text), &so); err != nil {
			t.Fatal(err)
		}
		all = append(all, so)
	}
	return all
}

// What waits is counted once, however many pods see it: a scaler that is told of more because there are
// more pods would never stop. What comes in is counted wherever it arrives.
func TestTheScalerCountsWhatWaitsOnce(t *testing.T) {
	var input ruleTest
	if err := yamlv3.Unmarshal([]byte(behind), &input); err != nil {
		t.Fatal(err)
	}
	series := seriesOf(t, &input)
	engine := promql.NewEngine(promql.EngineOpts{MaxSamples: 1e6, Timeout: time.Minute, Parser: parser.NewParser(parser.Options{})})
	want := []float64{100 + 200 + 50 + 700, 90, 1 + 2}
	found := scaledBy(t, matrix(t)["kafka"])
	if len(found) != 1 || len(found[0].Spec.Triggers) != len(want) {
		t.Fatalf("triggers: %v", found)
	}
	for i, trigger := range found[0].Spec.Triggers {
		q, err := engine.NewInstantQuery(t.Context(), series, nil, trigger.Metadata["query"], time.Unix(300, 0))
		if err != nil {
			t.Fatal(err)
		}
		defer q.Close()
		got, err := q.Exec(t.Context()).Vector()
		if err != nil || len(got) != 1 || math.Abs(got[0].F-want[i]) > 1e-6 {
			t.Errorf("%s is %v, want %v: %v", trigger.Metadata["query"], got, want[i], err)
		}
	}
}

// Each role is scaled by what is its own to be fast with, and by one scaler alone.
func TestRolesAreScaledByTheirOwn(t *testing.T) {
	const (
		bus  = "bus: {kind: nats, url: 'nats://n:4222'}\n"
		keda = "keda: {enabled: true, prometheus: 'http://p:9090'}"
		hpa  = "hpa: {enabled: true}"
	)
	for values, want := range map[string]map[string]string{
		"autoscaling: {" + keda + "}":                                    {"hs-hookspan": "pending oldest requests"},
		"autoscaling: {" + hpa + "}":                                     {"hs-hookspan": "cpu"},
		"roles: {split: true}\nautoscaling: {" + keda + "}":              {"hs-hookspan-receiver": "requests", "hs-hookspan-dispatcher": "pending oldest"},
		"roles: {split: true}\nautoscaling: {" + hpa + "}":               {"hs-hookspan-receiver": "cpu", "hs-hookspan-dispatcher": "cpu"},
		"roles: {split: true}\nautoscaling: {" + hpa + ", " + keda + "}": {"hs-hookspan-receiver": "cpu", "hs-hookspan-dispatcher": "pending oldest"},
	} {
		got := map[string]string{}
		for _, so := range scaledBy(t, bus+values) {
			var by []string
			for _, trigger := range so.Spec.Triggers {
				for word, metric := range map[string]string{"pending": "hookspan_pending{", "oldest": "hookspan_pending_oldest_seconds{", "requests": "hookspan_intake_requests_total{"} {
					if strings.Contains(trigger.Metadata["query"], metric) {
						by = append(by, word)
					}
				}
			}
			got[so.Spec.ScaleTargetRef.Name] = strings.Join(by, " ")
		}
		objects, _, err := release{values: bus + values}.render(t)
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range typed(t, objects) {
			if h, ok := o.(*autoscalingv2.HorizontalPodAutoscaler); ok {
				got[h.Spec.ScaleTargetRef.Name] += string(h.Spec.Metrics[0].Resource.Name)
			}
		}
		if !maps.Equal(got, want) {
			t.Errorf("%q: %v, want %v", values, got, want)
		}
	}
}
