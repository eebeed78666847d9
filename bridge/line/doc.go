// Package line keeps things in the order in which they came, of which any may leave at any time,
// without allocating.
package line
