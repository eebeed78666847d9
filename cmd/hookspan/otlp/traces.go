package otlp

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"

	"github.com/hookspan/hookspan/bridge/tracing"
)

// defaultShare is recorded of the traces that begin here, where no variable says otherwise.
const defaultShare = 0.01

// flushTime bounds how long a stop waits for a collector.
const flushTime = time.Second

// Traces are recorded by an SDK. Nil: traces are off.
type Traces struct {
	provider *sdk.TracerProvider
	sampler  tracing.Sampler
	log      *slog.Logger
	version  string
}

// Open sets the SDK up where the variables of the process ask for it, and returns nil where they
// do not.
func Open(version string, log *slog.Logger, metrics prometheus.Registerer) (*Traces, error) {
	v := read(os.Environ()) // the SDK looks there
	if !v.on() {
		return nil, nil
	}
	if problems := Check(os.Environ()); len(problems) > 0 {
		return nil, problems.Sorted()
	}
	ctx := context.Background()
	client, err := otlptracehttp.New(ctx)
	if err != nil {
		return nil, fmt.Errorf("traces: %w", err)
	}
	exporter, err := newExporter(client, log, metrics)
	if err != nil {
		return nil, err
	}
	what, err := resource.New(ctx,
		resource.WithTelemetrySDK(), resource.WithHost(),
		resource.WithAttributes(semconv.ServiceName("hookspan"), semconv.ServiceVersion(version)),
		resource.WithFromEnv(), // goes before
	)
	if err != nil {
		return nil, fmt.Errorf("traces: say where they come from: %w", err)
	}
	options := append(v.options(), sdk.WithBatcher(exporter), sdk.WithResource(what))
	return &Traces{sdk.NewTracerProvider(options...), v.rule(), log, version}, nil
}

// options are the SDK's sampler, where no variable names one.
func (v variables) options() (all []sdk.TracerProviderOption) {
	if v[sampler] == "" {
		all = append(all, sdk.WithSampler(sdk.ParentBased(sdk.TraceIDRatioBased(v.share()))))
	}
	return all
}

// rule is the SDK's sampler as it is asked before anything is made for the SDK.
func (v variables) rule() tracing.Sampler {
	name, byParent := strings.CutPrefix(strings.ToLower(v[sampler]), "parentbased_")
	rule := tracing.Sampler{}
	switch name {
	case "", "traceidratio":
		rule = tracing.Share(v.share())
	case "always_on":
		rule = tracing.Share(1)
	}
	if byParent || name == "" {
		return rule.ByParent()
	}
	return rule
}

// share is what is recorded of the traces that begin here, by the rules that have one. Whoever
// names the rule and no share has the SDK's: all.
func (v variables) share() float64 {
	if r, err := strconv.ParseFloat(v[ratio], 64); err == nil {
		return r
	}
	if v[sampler] == "" {
		return defaultShare
	}
	return 1
}

// Tracer makes spans on a bus of this kind; nil where traces are off.
func (t *Traces) Tracer(system string) *tracing.Tracer {
	if t == nil {
		return nil
	}
	return tracing.New(t.provider, t.sampler, system, t.version)
}

// Close sends what is left, as far as the collector takes it within a moment.
func (t *Traces) Close() {
	if t == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), flushTime)
	defer cancel()
	if err := t.provider.Shutdown(ctx); err != nil {
		t.log.Warn("the last traces were not sent", slog.Any("error", err))
	}
}
