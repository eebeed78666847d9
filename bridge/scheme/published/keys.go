package published

import (
	"cmp"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/hookspan/hookspan/bridge/scheme/key"
)

// A Form is what lies at a URL: a JWK set (RFC 7517), or a certificate in PEM.
type Form struct {
	Certificate bool
	Names       []string // of a certificate: host names of which it must be for one; none: for any
	Chain       bool     // of a certificate: it must be of an authority that is known here
}

// Keys are the keys of a sender as its host gives them. They are safe for concurrent use.
type Keys struct {
	senders *Senders
	source  string
	form    Form
	take    func(any) (key.Public, bool) // picks those of one family

	asking singleflight.Group
	mu     sync.Mutex
	known  map[string]*document // by URL
}

// A document is what a URL was answered last. It is never changed.
type document struct {
	keys  []publicKey
	asked time.Time
	fresh time.Time // until then it is not asked for again
	stale time.Time // until then its keys count while the host does not answer
	err   error     // why the last answer brought no keys
}

type publicKey struct {
	id string
	key.Public
}

const (
	maxDocuments = 32

	keysFresh = time.Hour // where the host does not say
	keysLeast = 5 * time.Minute
	keysMost  = 24 * time.Hour
	keysStale = 24 * time.Hour
	keysAgain = time.Minute     // between two looks for a key that is not there
	keysRetry = 5 * time.Second // after a failure
)

// Find returns the keys of that id at a URL, all for "", none where the host publishes none of it; the
// error is why the host brought none. It looks among what is known first, and asks the host where that
// is not enough. What is known and counts is not waited for: it is made new beside. fixed: no request
// named the URL.
func (k *Keys) Find(at, id string, fixed bool) ([]key.Public, error) {
	k.mu.Lock()
	d := k.known[at]
	k.mu.Unlock()
	now := time.Now()
	if d != nil && d.counts(id, now) {
		if d.due(id, now) {
			go k.ask(at, d, fixed)
		}
		return d.named(id), nil
	}
	if d == nil || d.due(id, now) {
		d = k.ask(at, d, fixed)
	}
	if d.counts(id, time.Now()) {
		return d.named(id), nil
	}
	return nil, d.err
}

// counts reports whether keys of that id are there and may still be believed.
func (d *document) counts(id string, now time.Time) bool {
	return now.Before(d.stale) && len(d.named(id)) > 0
}

// due reports whether the host is to be asked again.
func (d *document) due(id string, now time.Time) bool {
	switch {
	case d.err != nil:
		return now.Sub(d.asked) >= keysRetry
	case now.After(d.fresh):
		return true
	}
	return len(d.named(id)) == 0 && now.Sub(d.asked) >= keysAgain
}

// named are the keys of that id. Keys without one may be any.
func (d *document) named(id string) (keys []key.Public) {
	for _, one := range d.keys {
		if id == "" || one.id == "" || one.id == id {
			keys = append(keys, one.Public)
		}
	}
	return keys
}

// ask fetches a document, once for all who want it at the moment. An answer newer than the one that made
// them ask came while they were about to.
func (k *Keys) ask(at string, old *document, fixed bool) *document {
	d, _, _ := k.asking.Do(at, func() (any, error) {
		k.mu.Lock()
		was := k.known[at]
		k.mu.Unlock()
		if was != nil && was != old {
			return was, nil
		}
		text, fresh, err := k.senders.Fetch(k.source, at, fixed || was != nil && len(was.keys) > 0)
		d := &document{asked: time.Now()}
		if err == nil {
			d.fresh = d.asked.Add(min(max(cmp.Or(fresh, keysFresh), keysLeast), keysMost))
			d.stale = d.fresh.Add(keysStale)
			err = k.read(d, text)
		}
		return k.keep(at, d, err), nil
	})
	return d.(*document)
}

// keep remembers what came. After a failure what was there before goes on, for its time.
func (k *Keys) keep(at string, d *document, err error) *document {
	k.mu.Lock()
	defer k.mu.Unlock()
	if was := k.known[at]; err != nil {
		d.err = err
		if was != nil {
			d.keys, d.stale = was.keys, was.stale
		}
	}
	if k.known[at] == nil && len(k.known) >= maxDocuments {
		delete(k.known, k.least())
	}
	k.known[at] = d
	return d
}

// least is the URL that can best be forgotten: one that brought no keys, whose URL a stranger may
// have made up, before one that did, and the oldest of those. The caller holds the lock.
func (k *Keys) least() (least string) {
	for at, d := range k.known {
		was := k.known[least]
		if was == nil || len(d.keys) == 0 && len(was.keys) > 0 || (len(d.keys) == 0) == (len(was.keys) == 0) && d.asked.Before(was.asked) {
			least = at
		}
	}
	return least
}

// read takes the keys out of an answer.
func (k *Keys) read(d *document, text []byte) error {
	if k.form.Certificate {
		return k.readCertificate(d, text)
	}
	set, err := key.Set(text)
	if err != nil {
		return err
	}
	for _, one := range set {
		if public, ok := k.take(one.Key); ok {
			d.keys = append(d.keys, publicKey{one.ID, public})
		}
	}
	if len(d.keys) == 0 {
		return errors.New("the answer holds no key of the kind that signs")
	}
	return nil
}

func (k *Keys) readCertificate(d *document, text []byte) error {
	var certificates []*x509.Certificate
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		certificate, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return errors.New("the answer is not PEM of certificates")
		}
		certificates = append(certificates, certificate)
	}
	if len(certificates) == 0 {
		return errors.New("the answer is not PEM of certificates")
	}
	own := certificates[0]
	if d.asked.Before(own.NotBefore) || d.asked.After(own.NotAfter) {
		return fmt.Errorf("its certificate is valid from %s to %s", own.NotBefore.Format(time.DateOnly), own.NotAfter.Format(time.DateOnly))
	}
	if len(k.form.Names) > 0 && !slices.ContainsFunc(k.form.Names, func(name string) bool { return own.VerifyHostname(name) == nil }) {
		return errors.New("its certificate is for none of " + strings.Join(k.form.Names, ", "))
	}
	if k.form.Chain {
		between := x509.NewCertPool()
		for _, one := range certificates[1:] {
			between.AddCert(one)
		}
		if _, err := own.Verify(x509.VerifyOptions{Roots: k.senders.roots, Intermediates: between, CurrentTime: d.asked, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}}); err != nil {
			return errors.New("its certificate is of no authority that is known here")
		}
	}
	public, ok := k.take(own.PublicKey)
	if !ok {
		return errors.New("its certificate holds a key of another kind")
	}
	d.keys = []publicKey{{"", public}}
	if own.NotAfter.Before(d.stale) {
		d.stale = own.NotAfter
		if own.NotAfter.Before(d.fresh) {
			d.fresh = own.NotAfter
		}
	}
	return nil
}
