package scheme

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"sync"
	"time"

	"golang.org/x/time/rate"
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

	mu        sync.Mutex
	published map[string]*published    // by source, family and declaration
	limits    map[string]*rate.Limiter // by source
}

// NewSenders takes who asks, nil for nobody, and the authorities of certificates, nil for the system's.
func NewSenders(fetcher Fetcher, roots *x509.CertPool) *Senders {
	return &Senders{fetcher: fetcher, roots: roots, published: map[string]*published{}, limits: map[string]*rate.Limiter{}}
}

const (
	fetchTime     = 5 * time.Second
	fetches       = 10   // of one source within a minute at URLs that requests name and that brought nothing yet
	mostPublished = 1000 // declarations, over all reloads
)

// errTooOften is about the source, not about the host.
var errTooOften = errors.New("its requests named too many URLs within the last minute")

// fetch asks a sender's host. A URL that a request names is bound by the source's limit; trusted is one
// that is not, or that has brought keys.
func (s *Senders) fetch(source, at string, trusted bool, most int64) (text []byte, fresh time.Duration, err error) {
	switch {
	case s == nil || s.fetcher == nil:
		return nil, 0, errors.New("this process asks no host")
	case !trusted && !s.limit(source).Allow():
		return nil, 0, errTooOften
	}
	ctx, cancel := context.WithTimeout(context.Background(), fetchTime) // the sender waits for its answer
	defer cancel()
	return s.fetcher.Fetch(ctx, at, most)
}

func (s *Senders) limit(source string) *rate.Limiter {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.limits[source] == nil {
		s.limits[source] = rate.NewLimiter(rate.Every(time.Minute/fetches), fetches)
	}
	return s.limits[source]
}

// keysOf are what was published for the same source by the same declaration, where there is that.
func (s *Senders) keysOf(p *published, family string) *published {
	if s == nil {
		return p
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	name := fmt.Sprintf("%s\x00%s\x00%+v", p.source, family, p.spec)
	if known := s.published[name]; known != nil {
		return known
	}
	if len(s.published) >= mostPublished {
		clear(s.published) // those in use go on; they are only not found again
	}
	s.published[name] = p
	return p
}
