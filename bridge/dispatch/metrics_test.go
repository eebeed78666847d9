package dispatch

import (
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/hookspan/hookspan/bridge/delivery"
	"github.com/hookspan/hookspan/bridge/dispatch/dispatchtest"
	"github.com/hookspan/hookspan/bridge/endpoint"
	"github.com/hookspan/hookspan/bridge/tracing"
	"github.com/hookspan/hookspan/bridge/tracing/tracingtest"
)

// An eager registry is scraped the moment that it takes a collector.
type eager struct {
	*prometheus.Registry
	t *testing.T
}

func (r eager) MustRegister(cs ...prometheus.Collector) {
	r.Registry.MustRegister(cs...)
	if _, err := r.Gather(); err != nil {
		r.t.Error(err)
	}
}

func TestAScrapeMayComeWhileADispatcherIsMade(t *testing.T) {
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	store := dispatchtest.New().Connect()
	New(Config{
		Store: store, Registry: endpoint.NewRegistry(store, nil, endpoint.Options{Log: log}), Observer: silent{}, Shards: 1,
		Topics: []string{"events"}, Log: log, Metrics: eager{prometheus.NewRegistry(), t},
	})
}

// series are those of a family, by endpoint and by outcome where there is one.
func series(t *testing.T, r *prometheus.Registry, name string) map[string]float64 {
	t.Helper()
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]float64{}
	for _, f := range families {
		if f.GetName() != name {
			continue
		}
		for _, m := range f.GetMetric() {
			var labels []string
			for _, l := range m.GetLabel() {
				labels = append(labels, l.GetValue())
			}
			found[strings.Join(labels, " ")] = m.GetCounter().GetValue() + m.GetGauge().GetValue() + float64(m.GetHistogram().GetSampleCount())
		}
	}
	return found
}

func TestLabelsOfEndpointsAreBounded(t *testing.T) {
	registry := prometheus.NewRegistry()
	m := newMetrics(registry)
	const more = 30
	for i := range endpointLabels + more {
		m.attempt(fmt.Sprint("e", i), &delivery.Response{Status: 200}, time.Second, "")
	}
	m.attempt("e1", &delivery.Response{Reason: delivery.ReasonTimeout}, time.Second, "")
	attempts := series(t, registry, "hookspan_attempts_total")
	if len(attempts) != 2*(endpointLabels+1) || attempts["other success"] != more || attempts["e1 failure"] != 1 || attempts["e2 failure"] != 0 {
		t.Errorf("%d series of attempts; of the rest %v", len(attempts), attempts["other success"])
	}
	seconds := series(t, registry, "hookspan_endpoint_attempt_seconds")
	if len(seconds) != endpointLabels+1 || seconds["other"] != more || seconds["e1"] != 2 {
		t.Errorf("%d series of durations; of the rest %v", len(seconds), seconds["other"])
	}
	if all := series(t, registry, "hookspan_attempt_seconds")[""]; all != endpointLabels+more+1 {
		t.Errorf("%v attempts in all", all)
	}
	if got := m.endpoints.label("e2", false) + " " + m.endpoints.label("new", false) + " " + m.endpoints.label("new", true); got != "e2 other other" {
		t.Errorf("labels %s", got)
	}
}

// An endpoint of which nothing waits takes no label from one of which something does.
func TestOnlyWhatWaitsTakesALabel(t *testing.T) {
	m := newEndpointMetrics()
	if m.label("idle", false) != otherEndpoints || m.label("busy", true) != "busy" || m.label("busy", false) != "busy" || len(m.meter) != 1 {
		t.Errorf("labels of %v", m.meter)
	}
}

// An attempt that is recorded leaves its own trace as an exemplar, whatever its event names.
func TestAnAttemptLeavesItsTrace(t *testing.T) {
	t.Parallel()
	tracer, spans := tracingtest.New(tracingtest.Always())
	e := dispatchtest.Event(1, "a")
	parent, _ := tracer.ParentOf(&e)
	s := tracer.Attempt(tracing.Attempt{Event: &e, Number: 1, Parents: []tracing.Parent{parent}})
	s.Responded(200, "", "")
	if got := traceparent(s, &e); !strings.Contains(got, spans.Named(t, "POST").SpanContext.TraceID().String()) {
		t.Errorf("recorded: %q", got)
	}
	e.SetExtension("traceparent", "of its sender")
	if got := traceparent(tracing.Span{}, &e); got != "of its sender" {
		t.Errorf("not recorded: %q", got)
	}
}
