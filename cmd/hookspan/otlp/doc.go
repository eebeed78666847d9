// Package otlp sets up what records traces and sends them to a collector: the SDK of
// OpenTelemetry with its exporter for OTLP over HTTP, as the standard variables say.
//
// Traces are made once OTEL_EXPORTER_OTLP_ENDPOINT or OTEL_EXPORTER_OTLP_TRACES_ENDPOINT is
// set; else nothing of this is there. The SDK reads its variables itself, and passes over what
// it cannot read with a line on standard error that may hold a secret; so they are checked
// before (Check), and a start refuses what the SDK would not understand.
//
// A collector that is away costs nobody anything: spans wait in a queue of bounded length and
// are dropped beyond it, and the log tells of it once a minute at most.
package otlp
