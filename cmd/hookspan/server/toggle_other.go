//go:build !unix

package server

// onToggle: there is no such signal here; PUT /v1/log-level does the same.
func onToggle(func(by string)) (stop func()) { return func() {} }
