package otlp

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	sdk "go.opentelemetry.io/otel/sdk/trace"
)

// tellEvery is the least time between two log lines about a collector that does not take traces.
const tellEvery = time.Minute

// An exporter tells what becomes of spans. Its errors end here: the SDK would print each of
// them.
type exporter struct {
	sdk.SpanExporter
	log              *slog.Logger
	exported, failed prometheus.Counter

	mu      sync.Mutex
	failing bool
	told    time.Time
	lost    int // spans, since it began to fail
}

func newExporter(to sdk.SpanExporter, log *slog.Logger, metrics prometheus.Registerer) (*exporter, error) {
	spans := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "hookspan_trace_spans_total", Help: "Spans that were recorded, by what became of them: exported, or failed where the collector did not take them.",
	}, []string{"outcome"})
	if err := metrics.Register(spans); err != nil {
		return nil, fmt.Errorf("registering the metric of traces: %w", err)
	}
	return &exporter{SpanExporter: to, log: log, exported: spans.WithLabelValues("exported"), failed: spans.WithLabelValues("failed")}, nil
}

// ExportSpans implements sdk.SpanExporter.
func (e *exporter) ExportSpans(ctx context.Context, spans []sdk.ReadOnlySpan) error {
	err := e.SpanExporter.ExportSpans(ctx, spans)
	e.mu.Lock()
	defer e.mu.Unlock()
	if err == nil {
		e.exported.Add(float64(len(spans)))
		if e.failing {
			e.failing = false
			e.log.Info("traces are sent again", slog.Int("spans", e.lost))
			e.lost = 0
		}
		return nil
	}
	e.failed.Add(float64(len(spans)))
	e.lost += len(spans)
	if now := time.Now(); !e.failing || now.Sub(e.told) >= tellEvery {
		e.failing, e.told = true, now
		e.log.Warn("traces not sent, they are dropped until the collector takes them", slog.String("error", words(err)), slog.Int("spans", e.lost))
	}
	return nil
}

// words are an error's, without what a collector says at length.
func words(err error) string {
	const most = 300
	text := err.Error()
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "") + "…"
	}
	if strings.Contains(text, "malformed HTTP response") {
		text += "; it may be the port of gRPC, usually 4317: OTLP over HTTP has 4318"
	}
	return text
}
