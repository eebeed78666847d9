// Package signature signs outbound webhooks. A scheme is data, one file of catalog/*.yaml, over
// the engine in bridge/scheme; provider:NAME signs as a provider of the catalogue does. It is
// compiled once per revision of an endpoint, with its secrets, and then signs any number of
// requests at once; Verify is the other side of the same scheme. Whatever the scheme, a request
// carries webhook-id and webhook-timestamp as Standard Webhooks names them.
//
// A new scheme is one file of the catalogue, whose language is the type file in file.go, and a known
// answer in vector_test.go.
//
// Start reading at Schemes.Compile in signature.go.
package signature
