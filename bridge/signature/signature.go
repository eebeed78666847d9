package signature

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hookspan/hookspan/bridge/provider"
	"github.com/hookspan/hookspan/bridge/scheme"
)

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

// Schemes are those that an endpoint may name: ours, and those of the providers.
type Schemes struct {
	Providers Providers // nil: ours alone
}

// Providers are webhook systems by their names. *provider.Catalog is one.
type Providers interface {
	Provider(name string) (*provider.Provider, bool)
}

// A Scheme is one way to sign, with the secrets of one endpoint. It is safe for concurrent use.
type Scheme struct {
	proof   *scheme.Proof    // nil where nothing is signed
	signer  *provider.Signer // of a provider
	headers []header

	encryption *Encryption // of a provider that encrypts
}

// Encryption is what the scheme does to a body before it signs; nil: nothing.
func (s *Scheme) Encryption() *Encryption { return s.encryption }

// A header is one that is sent beside the signature.
type header struct{ name, value string }

// Names lists our own schemes in alphabetical order.
func Names() []string { return slices.Sorted(maps.Keys(files())) }

// Options lists the options that a scheme of ours takes.
func Options(name string) []string {
	var names []string
	if f := files()[name]; f != nil {
		for _, o := range f.Options {
			names = append(names, o.Name)
		}
	}
	return names
}

// Compile makes a scheme of ours; see Schemes.
func Compile(name string, options map[string]string, secrets []string) (*Scheme, error) {
	return Schemes{}.Compile(name, options, secrets)
}

// Compile makes a scheme of an endpoint's settings. Secrets are newest first; a scheme that
// can carry several signatures signs with each, the others with the newest. Options that
// belong to something else (see Options) are left alone. The error is a *FieldError and
// never holds a secret.
func (s Schemes) Compile(name string, options map[string]string, secrets []string) (*Scheme, error) {
	if of, ok := strings.CutPrefix(name, ofProvider); ok {
		return s.provider(of, options, secrets)
	}
	f := files()[name]
	if f == nil {
		return nil, s.unknown(name)
	}
	form, needed := secretForms[f.Secret]
	if needed && len(secrets) == 0 {
		return nil, fieldErrorf("secrets", "the signature %s needs a secret", name)
	}
	values, err := f.values(options)
	if err != nil {
		return nil, err
	}
	read := make([]string, len(secrets))
	for i, secret := range secrets {
		if !needed {
			break
		}
		if read[i], err = form.read(fmt.Sprintf("secrets[%d]", i), secret, values["key_encoding"]); err != nil {
			return nil, err
		}
	}
	return f.compile(values, read)
}

func (s Schemes) unknown(name string) error {
	if s.Providers != nil {
		if _, ok := s.Providers.Provider(name); ok {
			return fieldErrorf("signature", "%s is a provider; to sign as it does, use %s%s", name, ofProvider, name)
		}
	}
	return fieldErrorf("signature", "%.40q is unknown, use one of %s or %sNAME", name, strings.Join(Names(), ", "), ofProvider)
}

// Headers that every scheme sends.
const (
	idHeader   = "Webhook-Id"
	timeHeader = "Webhook-Timestamp"
)

// Sign sets the scheme's headers. What the signature covers besides the message (a template's
// {header:Name}) must be in h before. An error is one of the keys themselves.
func (s *Scheme) Sign(h http.Header, m Message) error {
	if s.signer != nil {
		h[idHeader], h[timeHeader] = []string{m.ID}, []string{stamp(m.Time)}
		return s.signer.Sign(h, provider.Outgoing{ID: m.ID, Type: fieldValue(m.Type), Time: m.Time, Method: m.Method, URL: m.URL, Body: m.Body})
	}
	n := len(s.headers) + 2
	if s.proof != nil {
		n++
	}
	lines := make([]string, 0, n) // one slice holds the values of all headers
	set := func(name, value string) {
		lines = append(lines, value)
		h[name] = lines[len(lines)-1 : len(lines) : len(lines)]
	}
	at := stamp(m.Time)
	set(idHeader, m.ID)
	set(timeHeader, at)
	for _, one := range s.headers {
		switch one.value {
		case "type":
			set(one.name, fieldValue(m.Type))
		case "delivery":
			set(one.name, m.Delivery)
		case "timestamp":
			set(one.name, at)
		}
	}
	if s.proof == nil {
		return nil
	}
	return s.proof.SignHeader(scheme.Outgoing{Method: m.Method, URL: m.URL, Header: h, Body: m.Body, Time: m.Time, Lines: lines})
}

// Verify checks what Sign made, as a receiver does: h, Method, URL and Body as they arrived, the
// rest of m is not looked at. The error is a *scheme.Refusal. A provider's scheme is verified by
// the provider.
func (s *Scheme) Verify(h http.Header, m Message, now time.Time) error {
	if s.proof == nil {
		return nil
	}
	if refusal := s.proof.VerifyHeader(scheme.Outgoing{Method: m.Method, URL: m.URL, Header: h, Body: m.Body, Time: now}); refusal != nil {
		return refusal
	}
	return nil
}

// stamp is the value of webhook-timestamp.
func stamp(t time.Time) string { return strconv.FormatInt(t.Unix(), 10) }

// fieldValue drops control characters, which no header can hold.
func fieldValue(v string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return -1
		}
		return r
	}, v)
}
