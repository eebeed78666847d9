// Package test holds the chart against Kubernetes' own types, against the program and against
// itself. It is a module of its own, because what it needs is many times the program.
//
// What is made from the values, the README's table and the schema, is made anew by
//
//	go test ./... -update
package test
