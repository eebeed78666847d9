package test

import (
	"strings"
	"testing"
	"time"

	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	yamlv3 "go.yaml.in/yaml/v3"
	"sigs.k8s.io/yaml"
)

// Two dispatchers, of which the second is a little behind the first in reading. Retries and what
// another release has are not theirs to be fast with.
const behind = `
interval: 1m
input_series:
  - {series: 'hookspan_pending{namespace="events",pod="hs-hookspan-7d9f8c6b5d-x2x4z",reason="behind"}', values: "100"}
  - {series: 'hookspan_pending{namespace="events",pod="hs-hookspan-7d9f8c6b5d-b5c6d",reason="behind"}', values: "200"}
  - {series: 'hookspan_pending{namespace="events",pod="hs-hookspan-7d9f8c6b5d-b5c6d",reason="limited"}', values: "50"}
  - {series: 'hookspan_pending{namespace="events",pod="hs-hookspan-7d9f8c6b5d-b5c6d",reason="retry"}', values: "4000"}
  - {series: 'hookspan_pending{namespace="events",pod="hs-hookspan-eu-7d9f8c6b5d-b5c6d",reason="behind"}', values: "9000"}
  - {series: 'hookspan_lag_events{namespace="events",pod="hs-hookspan-7d9f8c6b5d-x2x4z"}', values: "500"}
  - {series: 'hookspan_lag_events{namespace="events",pod="hs-hookspan-7d9f8c6b5d-b5c6d"}', values: "700"}
  - {series: 'hookspan_pending_oldest_seconds{namespace="events",pod="hs-hookspan-7d9f8c6b5d-x2x4z",reason="behind"}', values: "30"}
  - {series: 'hookspan_pending_oldest_seconds{namespace="events",pod="hs-hookspan-7d9f8c6b5d-b5c6d",reason="behind"}', values: "90"}
`

// What waits is counted once, however many pods see it: a scaler that is told of more because there are
// more pods would never stop.
func TestTheScalerCountsWhatWaitsOnce(t *testing.T) {
	objects, _, err := release{values: matrix(t)["kafka"]}.render(t)
	if err != nil {
		t.Fatal(err)
	}
	var scaled scaledObject
	for _, text := range objects {
		if strings.Contains(text, "kind: ScaledObject") {
			if err := yaml.Unmarshal([]byte(text), &scaled); err != nil {
				t.Fatal(err)
			}
		}
	}
	var input ruleTest
	if err := yamlv3.Unmarshal([]byte(behind), &input); err != nil {
		t.Fatal(err)
	}
	series := seriesOf(t, &input)
	engine := promql.NewEngine(promql.EngineOpts{MaxSamples: 1e6, Timeout: time.Minute, Parser: parser.NewParser(parser.Options{})})
	want := []float64{100 + 200 + 50 + 700, 90}
	if len(scaled.Spec.Triggers) != len(want) {
		t.Fatalf("triggers: %v", scaled.Spec.Triggers)
	}
	for i, trigger := range scaled.Spec.Triggers {
		q, err := engine.NewInstantQuery(t.Context(), series, nil, trigger.Metadata["query"], time.Unix(0, 0))
		if err != nil {
			t.Fatal(err)
		}
		defer q.Close()
		got, err := q.Exec(t.Context()).Vector()
		if err != nil || len(got) != 1 || got[0].F != want[i] {
			t.Errorf("%s is %v, want %v: %v", trigger.Metadata["query"], got, want[i], err)
		}
	}
}
