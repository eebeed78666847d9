// Package published asks the hosts of senders, and knows the keys that they publish.
package published

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/hookspan/hookspan/bridge/scheme/key"
)

// A Fetcher asks hosts of senders. It goes where endpoints may be and nowhere else, over TLS, and
// follows no redirect. It is safe for concurrent use.
type Fetcher interface {
	// Fetch returns what a GET of the URL is answered with status 200, at most so many bytes of it,
	// and how long that may be kept; 0: it does not say. The error names no part of the URL.
	Fetch(ctx context.Context, url string, most int64) (text []byte, fresh time.Duration, err error)
}

// Senders are the hosts of a process's senders, and what they publish. It outlives the verifiers of
// its sources, so that a reload forgets no key.
type Senders struct {
	fetcher Fetcher
	roots   *x509.CertPool

	mu     sync.Mutex
	keys   map[string]*Keys         // by source, family and form
	limits map[string]*rate.Limiter // by source
}

// New takes who asks, nil for nobody, and the authorities of certificates, nil for the system's.
func New(fetcher Fetcher, roots *x509.CertPool) *Senders {
	return &Senders{fetcher: fetcher, roots: roots, keys: map[string]*Keys{}, limits: map[string]*rate.Limiter{}}
}

const (
	fetchTime   = 5 * time.Second
	fetches     = 10 // of one source within a minute at URLs that requests name and that brought nothing yet
	maxDocument = 256 << 10
	maxKeys     = 1000 // of sources, over all reloads
)

// errTooOften is about the source, not about the host.
var errTooOften = errors.New("its requests named too many URLs within the last minute")

// Fetch asks a sender's host. A URL that a request names is bound by the source's limit; trusted is one
// that is not, or that has brought keys. It works on a nil *Senders, and then asks nobody.
func (s *Senders) Fetch(source, at string, trusted bool) (text []byte, fresh time.Duration, err error) {
	switch {
	case s == nil || s.fetcher == nil:
		return nil, 0, errors.New("this process asks no host")
	case !trusted && !s.limit(source).Allow():
		return nil, 0, errTooOften
	}
	ctx, cancel := context.WithTimeout(context.Background(), fetchTime) // the sender waits for its answer
	defer cancel()
	return s.fetcher.Fetch(ctx, at, maxDocument)
}

func (s *Senders) limit(source string) *rate.Limiter {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.limits[source] == nil {
		s.limits[source] = rate.NewLimiter(rate.Every(time.Minute/fetches), fetches)
	}
	return s.limits[source]
}

// Keys are the keys of one family that a source's sender publishes in a form. take picks those of the
// family. It works on a nil *Senders, and then no key can be had.
func (s *Senders) Keys(source, family string, form Form, take func(any) (key.Public, bool)) *Keys {
	k := &Keys{senders: s, source: source, form: form, take: take, known: map[string]*document{}}
	if s == nil {
		return k
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	name := fmt.Sprintf("%s\x00%s\x00%+v", source, family, form)
	if known := s.keys[name]; known != nil {
		return known
	}
	if len(s.keys) >= maxKeys {
		clear(s.keys) // those in use go on; they are only not found again
	}
	s.keys[name] = k
	return k
}
