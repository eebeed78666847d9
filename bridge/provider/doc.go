// Package provider knows how other systems sign, encrypt, name and time their webhooks. A
// provider is data, one file of catalog/*.yaml, over the engine in bridge/scheme.
//
// Load reads the catalogue, Provider.Compile makes the Verifier of one source, and
// Verifier.Verify says of each request what it means: events, the answer to a handshake, or
// a *Refusal. A Verifier never changes and may be used from any number of goroutines. Nothing
// that it returns, logs or warns of holds a secret.
//
// A new provider is two files and no Go: catalog/NAME.yaml, whose whole language is the type
// file in spec.go (LANGUAGE.md and schemas/provider.json are made of it), and vectors/NAME.json with
// requests that the provider really made, from which the package vector derives what must be refused.
// Where nobody has published any, hookspan trigger NAME --print makes requests of the file's own
// samples; package draft makes both files of a request that was saved. named.tsv lists the headers that
// files name: the tests write it with -update. How a request is verified and signed is the engine in
// bridge/scheme.
//
// Start reading in verify.go, which is the life of a request. The package naming below makes
// events of what was verified; sample.go makes requests, explain.go says why one is refused, and
// detect.go and matches.go whose it is.
package provider
