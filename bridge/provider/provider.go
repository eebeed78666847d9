package provider

import (
	"crypto/sha256"
	"net/http"
	"time"

	"github.com/hookspan/hookspan/bridge/event"
)

// A Request is what a provider sent, its body byte for byte.
type Request struct {
	Method   string
	URL      string // as the provider knows it: scheme, host, path and raw query
	Header   http.Header
	Body     []byte
	Received time.Time // the clock: freshness and a missing time are judged by it
	Memory   Memory    // bounds what is unpacked and parsed; nil does not
}

// Config is how one source uses a provider.
type Config struct {
	Source     string // the source's name
	Secrets    []string
	URI        string         // CloudEvents source; "" is /sources/<name> or the official adapter's
	TypePrefix string         // without the last dot; "" is the provider's
	Tolerance  *time.Duration // nil is the provider's own rule
	Options    map[string]string
	MaxBody    int64 // also bounds what a gzip body unpacks to; 0 is the provider's own
	Rate       int   // requests a minute that the source takes, for handshakes that ask; 0 is any
}

// A Verdict is what a genuine request means: an answer to a handshake, or events.
type Verdict struct {
	Answer  *Answer // set for a challenge; there are no events then
	Events  []Event // mostly one
	Invalid string  // the first of the events' own, "" when all are what the provider sends
	Reason  Reason  // with Invalid: InvalidBody
}

// An Event is one event of a delivery, and what its identity rests on.
type Event struct {
	event.Event
	// Invalid says why the delivery, which is genuine, is not what the provider sends. The event
	// then has the body as it came and whatever attributes can be told, its id among them, and
	// the request's headers in the extension hookspanheaders.
	Invalid string
	Flaws   []event.Flaw      // attributes that it came with and that were left out
	Named   bool              // the provider gave the id; else it is a hash
	Sum     [sha256.Size]byte // SHA-256 of the data
	// Signed is the hash of all that was signed, where the id is not part of that: who repeats
	// the request under another id cannot change it. Else it is zero.
	Signed [sha256.Size]byte
}

// An Answer is an HTTP response in a provider's own form.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
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
	UnknownKey   Reason = "unknown_key"
	Challenge    Reason = "challenge"
	InvalidBody  Reason = "invalid_body"
	Schema       Reason = "schema"
	TooLarge     Reason = "too_large"
	MediaType    Reason = "media_type"
	Altered      Reason = "altered" // a known id with another body, or known content under another id

	// Those of intake itself.
	UnknownSource Reason = "unknown_source"
	WrongMethod   Reason = "method"
	Unreadable    Reason = "unreadable"
	OverRate      Reason = "rate"
)
