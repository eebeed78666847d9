//go:build !unix

package app

// fileLimit is how many descriptors the process may have.
func fileLimit() int { return 16384 }
