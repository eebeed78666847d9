// Package filter is which events an endpoint wants, by their attributes and data: a list of filters
// in the form of the CloudEvents Subscriptions API (3.2.4) that must hold as a whole. The dialects are
// exact, prefix, suffix, all, any, not, sql, which is an expression of bridge/cesql, and jq, one of
// bridge/jq over attributes and data, of whose outputs the first counts: null, false and none are no.
//
// A List is a value of settings. Reading it compiles it; what does not compile is among its faults,
// with the path of the filter and the place in the text (filters[1].sql, at 7). One that has faults
// holds for nothing and is never stored.
//
// Whether a list holds depends on the event alone, never on time or load. It may also fail: an
// expression has an error, or takes too long. Filters are evaluated in their order, and what is
// behind one that decides is not: an error counts only where it is met. A list may be used by any
// number of goroutines.
//
// Begin with List.
package filter
