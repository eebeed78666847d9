package scheme

import (
	"net/http"
	"time"
)

// A Request is what a provider sent, its body byte for byte.
type Request struct {
	Method   string
	URL      string // as the provider knows it: scheme, host, path and raw query
	Header   http.Header
	Body     []byte
	Received time.Time // the clock: freshness and a missing time are judged by it
	Memory   Memory    // bounds what is unpacked and parsed; nil does not
	Texts    *Texts    // where what is found is written; nil gives each text memory of its own
}

// A Refusal is the error of a request that is not genuine. Neither field ever holds a
// secret; both are for the log, never for the answer.
type Refusal struct {
	Reason Reason
	Detail string // what was compared, in words
}

func (r *Refusal) Error() string { return string(r.Reason) + ": " + r.Detail }

// Reason of a refusal; a closed set.
type Reason string

const (
	NoSignature  Reason = "no_signature"
	BadSignature Reason = "bad_signature"
	Stale        Reason = "stale"
	Future       Reason = "future"
	Decryption   Reason = "decryption"
	Token        Reason = "token"
	ClientKey    Reason = "client_key"
	UnknownKey   Reason = "unknown_key" // the sender publishes no such key
	Challenge    Reason = "challenge"
	InvalidBody  Reason = "invalid_body"
	Schema       Reason = "schema"
	TooLarge     Reason = "too_large"
	MediaType    Reason = "media_type"
	Altered      Reason = "altered" // a known id with another body, or known content under another id

	// Those of intake itself.
	Address       Reason = "address"     // it comes from somewhere else than the sender's requests do
	Certificate   Reason = "certificate" // nor is it by the sender's certificate
	UnknownSource Reason = "unknown_source"
	WrongMethod   Reason = "method"
	Unreadable    Reason = "unreadable"
	OverRate      Reason = "rate"

	// Unreachable is no refusal: a host of the sender did not answer, and the request may be genuine.
	Unreachable Reason = "unreachable"
)
