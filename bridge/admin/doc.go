// Package admin is the API of the admin listener: endpoints, deliveries and what else an
// operator asks for, and beside it health, readiness and metrics.
//
// Everything under /v1 needs the bearer token. Answers are JSON, lists come in pages (items,
// next), errors are problems (RFC 9457) with a code from the closed list of package problem.
// Input is read strictly: a field or query parameter that is not known is refused, so that a
// misspelt setting is never taken for a setting that was made.
//
// Begin with New, which lists the routes.
package admin
