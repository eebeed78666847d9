// Package scheme is the one engine of signatures, tokens and ciphers, for both directions. A Spec
// is data: what must be shown, over which content, written where. A Compiler makes a Proof of it,
// which verifies requests and makes what it verifies.
//
// A family is a file: hmac.go (HMAC and plain hashes), publickey.go (Ed25519, ECDSA, RSA), jws.go
// with jwskeys.go, token.go, digest.go; signed.go holds what all signatures have in common. A new
// one is a file with a schemeSpec, and a field in families.go. Where a sender publishes its keys,
// or waits to be asked, at a URL, place.go says which URLs those may be and published.go which of
// the keys count.
//
// Start reading in proof.go, then template.go, the small language in which files name values of a
// request, and exchange.go, which decodes them once and only when they are asked for. The packages
// below are key (keys and hashes of every family), published (who asks the hosts of senders, and
// what is known of their keys), cipher (AES in all the shapes that vendors give it), pointer, which
// reads a few values out of a JSON document while it validates it, instant (how vendors write times)
// and declaration (how files are read).
package scheme
