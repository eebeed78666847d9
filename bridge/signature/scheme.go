// Package signature signs outbound webhooks. A scheme is compiled once per revision of an
// endpoint, with its secrets, and then signs any number of requests at once; Verify is the
// other side of the same scheme. Whatever the scheme, a request carries webhook-id and
// webhook-timestamp as Standard Webhooks names them.
//
// Start reading at Compile; each scheme is a file of its own.
package signature

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A Scheme is one way to sign, with the secrets of one endpoint. It is safe for concurrent
// use.
type Scheme interface {
	// Sign sets the scheme's headers. What the signature covers besides the message (a
	// template's {header:Name}) must be in h before.
	Sign(h http.Header, m Message)
	// Verify checks what Sign made, as a receiver does: h, Method, URL and Body as they
	// arrived, the rest of m is not looked at. The error is one of ErrUnsigned, ErrMismatch
	// and ErrStale.
	Verify(h http.Header, m Message, now time.Time) error
}

// A Message is one request as a scheme sees it.
type Message struct {
	ID       string    // webhook-id: the same on every attempt
	Time     time.Time // webhook-timestamp: of this attempt
	Delivery string    // one event to one endpoint
	Type     string    // the event's
	Method   string
	URL      string
	Body     []byte // as it is sent, encrypted where it is
}

// A FieldError says which field of an endpoint is wrong, and how to put it right.
type FieldError struct {
	Field  string // signature, secrets, secrets[1], options.header, encrypt_secret
	Detail string
}

func (e *FieldError) Error() string { return e.Field + ": " + e.Detail }

func fieldErrorf(field, format string, args ...any) error {
	return &FieldError{Field: field, Detail: fmt.Sprintf(format, args...)}
}

// kind is what the map of schemes holds: the options that a scheme takes, and how it is
// made of them.
type kind struct {
	options []string
	compile func(options map[string]string, secrets []string) (Scheme, error)
	secret  func() string // makes a new one; nil when the scheme has none
}

func kinds() map[string]kind {
	return map[string]kind{
		"standard":         {nil, compileStandard, newStandardSecret},
		"standard-ed25519": {nil, compileEd25519, newEd25519Secret},
		"sticker":          {[]string{"header_prefix"}, compileSticker, newTextSecret},
		"cryptlex":         {nil, compileCryptlex, newTextSecret},
		"hmac":             {[]string{"header", "hash", "key_encoding", "encoding", "prefix", "template"}, compileHMAC, newTextSecret},
		"none":             {nil, compileNone, nil},
	}
}

// Names lists the schemes in alphabetical order.
func Names() []string { return slices.Sorted(maps.Keys(kinds())) }

// Options lists the options that a scheme takes.
func Options(name string) []string { return kinds()[name].options }

// Compile makes a scheme of an endpoint's settings. Secrets are newest first; a scheme that
// can carry several signatures signs with each, the others with the newest. Options that
// belong to something else (see Options) are left alone. The error is a *FieldError and
// never holds a secret.
func Compile(name string, options map[string]string, secrets []string) (Scheme, error) {
	k, ok := kinds()[name]
	if !ok {
		return nil, fieldErrorf("signature", "%.40q is unknown, use one of %s", name, strings.Join(Names(), ", "))
	}
	if k.secret != nil && len(secrets) == 0 {
		return nil, fieldErrorf("secrets", "the signature %s needs a secret", name)
	}
	return k.compile(options, secrets)
}

// NeedsSecret reports whether a scheme signs with a secret.
func NeedsSecret(name string) bool { return kinds()[name].secret != nil }

// GenerateSecret makes a random secret that Compile takes for the scheme, "" when it needs
// none.
func GenerateSecret(name string) string {
	if k := kinds()[name]; k.secret != nil {
		return k.secret()
	}
	return ""
}

const (
	idHeader        = "Webhook-Id"
	timeHeader      = "Webhook-Timestamp"
	signatureHeader = "Webhook-Signature"
)

// stamp is the value of webhook-timestamp.
func stamp(t time.Time) string { return strconv.FormatInt(t.Unix(), 10) }

// setHeaders sets headers by their canonical names; one slice holds all their values.
func setHeaders(h http.Header, fields ...[2]string) {
	values := make([]string, len(fields))
	for i, f := range fields {
		values[i] = f[1]
		h[f[0]] = values[i : i+1 : i+1]
	}
}
