package receiver

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hookspan/hookspan/bridge/provider"
	"github.com/hookspan/hookspan/bridge/setting"
)

// An origin is where a source's requests come from, beside what they prove.
type origin struct {
	from        setting.Prefixes
	authorities *x509.CertPool // nil: no certificate is asked for
	names       []string       // of which it must be for one; empty for any
	chains      *chains
}

// newOrigin reads the file of authorities; an error names the setting and the remedy.
func newOrigin(s *Source) (o origin, err error) {
	o.from, o.names = s.From, s.ClientNames
	if s.ClientCA == "" {
		return o, nil
	}
	text, err := os.ReadFile(s.ClientCA)
	if err != nil {
		return o, fmt.Errorf("client_ca: %w", err)
	}
	o.authorities, o.chains = x509.NewCertPool(), &chains{found: map[[sha256.Size]byte]verdictOfChain{}}
	if !o.authorities.AppendCertsFromPEM(text) {
		return o, fmt.Errorf("client_ca: %s holds no certificate in PEM", s.ClientCA)
	}
	return o, nil
}

// judge says why a request is not the sender's, nil where it may be.
func (o *origin) judge(p proxies, q *http.Request) *provider.Refusal {
	if len(o.from) > 0 {
		if at := p.origin(q); !o.from.Contain(at) {
			return &provider.Refusal{Reason: provider.Address, Detail: addressDetail(at)}
		}
	}
	if o.authorities == nil {
		return nil
	}
	if why := o.certified(q.TLS); why != "" {
		return &provider.Refusal{Reason: provider.Certificate, Detail: why}
	}
	return nil
}

func addressDetail(at netip.Addr) string {
	if !at.IsValid() {
		return "it is not known from which address it came: X-Forwarded-For and Forwarded say different things, or something that is no address"
	}
	return at.String() + " is no address of the sender; behind a proxy HOOKSPAN_TRUSTED_PROXIES has to name that"
}

// certified says what is wrong with the certificate of a connection, "" for nothing.
func (o *origin) certified(c *tls.ConnectionState) string {
	if c == nil || len(c.PeerCertificates) == 0 {
		return "no certificate was shown in the handshake of TLS"
	}
	if len(c.PeerCertificates) > mostShown {
		return fmt.Sprintf("more than %d certificates were shown", mostShown)
	}
	own := c.PeerCertificates[0]
	if err := o.chained(c.PeerCertificates); err != nil {
		return "the certificate that was shown does not count: " + err.Error()
	}
	if len(o.names) > 0 && !slices.ContainsFunc(own.DNSNames, o.named) {
		return fmt.Sprintf("the certificate that was shown is for %.200q", strings.Join(own.DNSNames, ", "))
	}
	return ""
}

// mostShown bounds what a sender shows, and so the work of a request that proves nothing.
const mostShown = 6

// chained holds certificates against the authorities. What was found of them counts for a while: a
// connection brings many requests.
func (o *origin) chained(shown []*x509.Certificate) error {
	h := sha256.New()
	for _, one := range shown {
		h.Write(one.Raw)
	}
	key := [sha256.Size]byte(h.Sum(nil))
	now := time.Now()
	o.chains.mu.Lock()
	known, ok := o.chains.found[key]
	o.chains.mu.Unlock()
	if ok && now.Before(known.until) {
		return known.err
	}
	chain := x509.VerifyOptions{Roots: o.authorities, Intermediates: x509.NewCertPool(), KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}
	if len(o.names) > 0 { // public authorities issue none for clients any more; the names say whose it is
		chain.KeyUsages = []x509.ExtKeyUsage{x509.ExtKeyUsageAny}
	}
	for _, one := range shown[1:] {
		chain.Intermediates.AddCert(one)
	}
	_, err := shown[0].Verify(chain)
	o.chains.mu.Lock()
	defer o.chains.mu.Unlock()
	if len(o.chains.found) >= mostChains {
		clear(o.chains.found)
	}
	o.chains.found[key] = verdictOfChain{err, now.Add(chainCounts)}
	return err
}

const (
	mostChains  = 1024
	chainCounts = time.Minute
)

// chains are what was found of the certificates that senders have shown.
type chains struct {
	mu    sync.Mutex
	found map[[sha256.Size]byte]verdictOfChain
}

type verdictOfChain struct {
	err   error
	until time.Time
}

// named: a name of a certificate is one of the sender's.
func (o *origin) named(name string) bool {
	return slices.ContainsFunc(o.names, func(want string) bool {
		if label, rest, ok := strings.Cut(want, "."); ok && label == "*" {
			_, behind, _ := strings.Cut(name, ".")
			return strings.EqualFold(behind, rest)
		}
		return strings.EqualFold(name, want)
	})
}

// AsksCertificates reports whether a source wants to see one in the handshake.
func (r *Receiver) AsksCertificates() bool {
	for _, s := range r.intakes.Load().named {
		if s.origin.authorities != nil {
			return true
		}
	}
	return false
}
