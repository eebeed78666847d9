// Package tracing tells OpenTelemetry how an event went through Hookspan: one trace from the
// webhook to every attempt, across the bus.
//
// A Tracer begins spans; the nil Tracer is tracing that is off. Methods of a Span that is not
// recorded may be called and do nothing, so the ways in and out ask once and go on. Nothing here
// knows the SDK or an exporter: whoever starts the process brings a provider
// (cmd/hookspan/otlp).
//
// Whether a trace is recorded is decided first (sampler.go), by what a traceparent says or by the
// id of the trace that an event begins (traceparent.go). Most are not, and then nothing is made
// or allocated.
//
// On the way in (request.go, publishing.go) a span of the request has the children verify and,
// for each event, publish, which has the child durable. The event carries publish's span as
// traceparent (the distributed tracing extension of CloudEvents). On the way out (reading.go,
// attempt.go) a span follow begins where the event was read and some endpoint takes it, with the
// child match, and each attempt is a child of follow, also hours later. An attempt of a batch
// is a child of its first event's span and links to the others'.
//
// Attributes are those of the semantic conventions for HTTP and messaging, and some of our own
// that begin with hookspan. None holds a secret, a body, a query, or the path of an endpoint's
// URL, which with many receivers is the credential.
//
// Everything may be used by several goroutines, but for a Reading.
package tracing
