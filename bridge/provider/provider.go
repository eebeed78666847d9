package provider

import (
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
}

// Config is how one source uses a provider.
type Config struct {
	Source     string // the source's name
	Secrets    []string
	URI        string         // CloudEvents source; "" is /sources/<name> or the official adapter's
	TypePrefix string         // without the last dot; "" is the provider's
	Tolerance  *time.Duration // nil is the provider's own rule
	Options    map[string]string
	MaxBody    int64 // also bounds what a gzip body unpacks to
	Rate       int   // requests a minute that the source takes, for handshakes that ask; 0 is any
}

// A Verdict is what a genuine request means: an answer to a handshake, or events.
type Verdict struct {
	Answer  *Answer       // set for a challenge; there are no events then
	Events  []event.Event // mostly one
	Invalid string        // verified, but not what the provider sends: why; the event holds the body as it is
	Reason  Reason        // with Invalid: InvalidBody
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
)
