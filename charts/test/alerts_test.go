package test

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/template"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
	"github.com/prometheus/prometheus/tsdb/chunks"
	"github.com/prometheus/prometheus/util/annotations"
	yamlv3 "go.yaml.in/yaml/v3"
	"sigs.k8s.io/yaml"
)

// The rules as a release has them, and what is to come of which series. Both are files that
// promtool reads too: promtool test rules testdata/alerts/tests.yaml
const (
	ruleFile  = "testdata/alerts/rules.yaml"
	testsFile = "testdata/alerts/tests.yaml"
)

// ruleTests is a file of promtool's, as far as ours goes.
type ruleTests struct {
	RuleFiles          []string       `yaml:"rule_files"`
	EvaluationInterval model.Duration `yaml:"evaluation_interval"`
	Tests              []ruleTest     `yaml:"tests"`
}

type ruleTest struct {
	Name        string         `yaml:"name"`
	Interval    model.Duration `yaml:"interval"`
	InputSeries []struct {
		Series string `yaml:"series"`
		Values string `yaml:"values"`
	} `yaml:"input_series"`
	AlertRuleTest []expected `yaml:"alert_rule_test"`
}

type expected struct {
	EvalTime  model.Duration `yaml:"eval_time"`
	Alertname string         `yaml:"alertname"`
	ExpAlerts []alert        `yaml:"exp_alerts"`
}

// An alert that fires.
type alert struct {
	Labels      map[string]string `yaml:"exp_labels"`
	Annotations map[string]string `yaml:"exp_annotations"`
}

// installedRules writes the rules of a release, for promtool and for the tests here.
func installedRules(t *testing.T) map[string]rulefmt.Rule {
	t.Helper()
	objects, _, err := release{name: "hookspan", values: "metrics: {prometheusRule: {enabled: true}}"}.render(t)
	if err != nil {
		t.Fatal(err)
	}
	var found struct {
		Kind string
		Spec rulefmt.RuleGroups
	}
	for _, text := range objects {
		var object struct {
			Kind string
			Spec any
		}
		if err := yaml.Unmarshal([]byte(text), &object); err != nil {
			t.Fatal(err)
		}
		if object.Kind != "PrometheusRule" {
			continue
		}
		spec, err := yaml.Marshal(object.Spec)
		if err != nil {
			t.Fatal(err)
		}
		golden(t, ruleFile, spec)
		if err := yamlv3.Unmarshal(spec, &found.Spec); err != nil {
			t.Fatal(err)
		}
	}
	all := map[string]rulefmt.Rule{}
	for _, g := range found.Spec.Groups {
		for _, r := range g.Rules {
			all[r.Alert] = r
		}
	}
	return all
}

// Every alert fires when it should, with the words that it should have, and is silent when it
// should be.
func TestAlertsFireAndAreSilent(t *testing.T) {
	rules := installedRules(t)
	text, err := os.ReadFile(testsFile)
	if err != nil {
		t.Fatal(err)
	}
	var file ruleTests
	decode := yamlv3.NewDecoder(bytes.NewReader(text))
	decode.KnownFields(true)
	if err := decode.Decode(&file); err != nil {
		t.Fatal(err)
	}
	fires, silent := map[string]bool{}, map[string]bool{}
	for _, test := range file.Tests {
		t.Run(test.Name, func(t *testing.T) {
			s := seriesOf(t, &test)
			for _, want := range test.AlertRuleTest {
				rule, known := rules[want.Alertname]
				if !known {
					t.Fatalf("there is no alert %s", want.Alertname)
				}
				if len(want.ExpAlerts) == 0 {
					silent[want.Alertname] = true
				} else {
					fires[want.Alertname] = true
				}
				for i := range want.ExpAlerts {
					want.ExpAlerts[i].Labels["alertname"] = want.Alertname
				}
				got := s.firing(t, &rule, time.Duration(file.EvaluationInterval), time.Duration(want.EvalTime))
				if !slices.EqualFunc(got, want.ExpAlerts, alert.same) {
					t.Errorf("%s after %v: fires\n%+v, want\n%+v", want.Alertname, want.EvalTime, got, want.ExpAlerts)
				}
			}
		})
	}
	for name := range rules {
		if !fires[name] || !silent[name] {
			t.Errorf("%s is tested for firing: %v, for silence: %v", name, fires[name], silent[name])
		}
	}
}

func (a alert) same(b alert) bool {
	return maps.Equal(a.Labels, b.Labels) && maps.Equal(a.Annotations, b.Annotations)
}

// stored are the series of a test, as Prometheus would have them.
type stored []storage.Series

func seriesOf(t *testing.T, test *ruleTest) (all stored) {
	t.Helper()
	for _, in := range test.InputSeries {
		named, values, err := parser.NewParser(parser.Options{}).ParseSeriesDesc(in.Series + " " + in.Values)
		if err != nil {
			t.Fatalf("%s: %v", in.Series, err)
		}
		var samples []chunks.Sample
		for i, v := range values {
			if !v.Omitted {
				samples = append(samples, sample{int64(i) * time.Duration(test.Interval).Milliseconds(), v.Value})
			}
		}
		all = append(all, storage.NewListSeries(named, samples))
	}
	return all
}

// firing evaluates a rule from the beginning on, as Prometheus does: what the expression finds is
// pending until it has been found for as long as the rule says.
func (s stored) firing(t *testing.T, rule *rulefmt.Rule, every, until time.Duration) (all []alert) {
	t.Helper()
	engine := promql.NewEngine(promql.EngineOpts{MaxSamples: 1e6, Timeout: time.Minute, Parser: parser.NewParser(parser.Options{})})
	query := func(ctx context.Context, expr string, at time.Time) (promql.Vector, error) {
		q, err := engine.NewInstantQuery(ctx, s, nil, expr, at)
		if err != nil {
			return nil, err
		}
		defer q.Close()
		vector, err := q.Exec(ctx).Vector()
		return slices.Clone(vector), err
	}
	since := map[string]time.Time{}
	for at := time.Unix(0, 0).UTC(); !at.After(time.Unix(0, 0).Add(until)); at = at.Add(every) {
		found, err := query(t.Context(), rule.Expr, at)
		if err != nil {
			t.Fatalf("%s: %v", rule.Alert, err)
		}
		still := map[string]time.Time{}
		all = nil
		for _, f := range found {
			id := f.Metric.String()
			if still[id] = at; !since[id].IsZero() {
				still[id] = since[id]
			}
			if at.Sub(still[id]) >= time.Duration(rule.For) {
				all = append(all, told(t, rule, f, at, query))
			}
		}
		since = still
	}
	slices.SortFunc(all, func(a, b alert) int { return strings.Compare(fmt.Sprint(a.Labels), fmt.Sprint(b.Labels)) })
	return all
}

// told is an alert in the words of its rule.
func told(t *testing.T, rule *rulefmt.Rule, f promql.Sample, at time.Time, query template.QueryFunc) alert {
	t.Helper()
	a := alert{Labels: f.Metric.Map(), Annotations: map[string]string{}}
	expand := func(text string) string {
		words := template.NewTemplateExpander(t.Context(), `{{$labels := .Labels}}{{$value := .Value}}`+text, rule.Alert,
			template.AlertTemplateData(f.Metric.Map(), nil, "", f), model.TimeFromUnix(at.Unix()), query, nil, nil)
		said, err := words.Expand()
		if err != nil {
			t.Errorf("%s: %v", rule.Alert, err)
		}
		return said
	}
	delete(a.Labels, "__name__")
	for name, text := range rule.Labels {
		a.Labels[name] = expand(text)
	}
	a.Labels["alertname"] = rule.Alert
	for name, text := range rule.Annotations {
		a.Annotations[name] = expand(text)
	}
	return a
}

// Querier implements storage.Queryable.
func (s stored) Querier(int64, int64) (storage.Querier, error) {
	return &storage.MockQuerier{SelectMockFunction: func(_ bool, _ *storage.SelectHints, ms ...*labels.Matcher) storage.SeriesSet {
		found := &seriesSet{at: -1}
		for _, series := range s {
			if !slices.ContainsFunc(ms, func(m *labels.Matcher) bool { return !m.Matches(series.Labels().Get(m.Name)) }) {
				found.all = append(found.all, series)
			}
		}
		return found
	}}, nil
}

// A seriesSet is a list of series.
type seriesSet struct {
	all stored
	at  int
}

func (s *seriesSet) Next() bool                        { s.at++; return s.at < len(s.all) }
func (s *seriesSet) At() storage.Series                { return s.all[s.at] }
func (s *seriesSet) Err() error                        { return nil }
func (s *seriesSet) Warnings() annotations.Annotations { return nil }

// A sample is a number at a time, in milliseconds.
type sample struct {
	t int64
	v float64
}

func (s sample) T() int64                      { return s.t }
func (s sample) ST() int64                     { return 0 }
func (s sample) F() float64                    { return s.v }
func (s sample) H() *histogram.Histogram       { return nil }
func (s sample) FH() *histogram.FloatHistogram { return nil }
func (s sample) Type() chunkenc.ValueType      { return chunkenc.ValFloat }
func (s sample) Copy() chunks.Sample           { return s }
