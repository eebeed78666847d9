package provider

import (
	"net/http"
	"time"

	"github.com/hookspan/hookspan/bridge/provider/naming"
	"github.com/hookspan/hookspan/bridge/scheme"
	"github.com/hookspan/hookspan/bridge/scheme/published"
)

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

	Senders *published.Senders // that publish their keys; nil: none are asked
}

// A Verdict is what a genuine request means: an answer to a handshake, or events.
type Verdict struct {
	Answer  *Answer        // set for a challenge; there are no events then
	Events  []naming.Event // mostly one
	Invalid string         // the first of the events' own, "" when all are what the provider sends
	Reason  scheme.Reason  // with Invalid: InvalidBody
	Proof   Proof          // of the events
}

// A Proof says what is known of a request that was taken.
type Proof string

const (
	Verified      Proof = "verified"      // the sender signed all that was sent
	Authenticated Proof = "authenticated" // the sender showed a secret; what it sent is not signed, or not all of it
)

func proofOf(signed bool) Proof {
	if signed {
		return Verified
	}
	return Authenticated
}

// An Answer is an HTTP response in a provider's own form.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
}

// What is judged, and why it is refused; these are the words of package scheme.
type (
	Request = scheme.Request
	Refusal = scheme.Refusal
	Reason  = scheme.Reason
	Memory  = scheme.Memory
	Fetcher = published.Fetcher
	Senders = published.Senders
)

// The reasons of a refusal.
const (
	NoSignature  = scheme.NoSignature
	BadSignature = scheme.BadSignature
	Stale        = scheme.Stale
	Future       = scheme.Future
	Decryption   = scheme.Decryption
	Token        = scheme.Token
	ClientKey    = scheme.ClientKey
	UnknownKey   = scheme.UnknownKey
	Challenge    = scheme.Challenge
	InvalidBody  = scheme.InvalidBody
	Schema       = scheme.Schema
	TooLarge     = scheme.TooLarge
	MediaType    = scheme.MediaType
	Altered      = scheme.Altered

	UnknownSource = scheme.UnknownSource
	Address       = scheme.Address
	Certificate   = scheme.Certificate
	WrongMethod   = scheme.WrongMethod
	Unreadable    = scheme.Unreadable
	OverRate      = scheme.OverRate

	Unreachable = scheme.Unreachable
)

// An Event is one event of a delivery, and what its identity rests on.
type Event = naming.Event

// NewSenders takes who asks their hosts; certificates are held to the system's authorities.
func NewSenders(fetcher Fetcher) *Senders { return published.New(fetcher, nil) }
