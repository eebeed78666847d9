// Package order says what events are ordered by: an attribute, or a value in their data. What is
// done with that is delivery's (package dispatch).
//
// A Rule may be shared between goroutines. Begin with Rule.Of.
package order
