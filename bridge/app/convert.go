package app

import (
	"context"
	"fmt"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/hookspan/hookspan/bridge/config"
	"github.com/hookspan/hookspan/bridge/endpoint"
	"github.com/hookspan/hookspan/bridge/provider"
	"github.com/hookspan/hookspan/bridge/receiver"
	"github.com/hookspan/hookspan/bridge/signature"
)

// sources are the configured intakes as the receiver takes them.
func sources(c *config.Config) []receiver.Source {
	all := make([]receiver.Source, len(c.Sources))
	for i, s := range c.Sources {
		all[i] = s.Source
	}
	return all
}

// A catalogue is the one that was read last.
type catalogue struct {
	atomic.Pointer[provider.Catalog]
}

// Provider returns a provider by name.
func (c *catalogue) Provider(name string) (*provider.Provider, bool) { return c.Load().Provider(name) }

// verifiers compiles a source's provider from the catalogue. Nil senders are for those that
// verify nothing.
func verifiers(catalog signature.Providers, senders *provider.Senders) func(string, provider.Config) (receiver.Verifier, error) {
	return func(name string, c provider.Config) (receiver.Verifier, error) {
		p, ok := catalog.Provider(name)
		if !ok {
			return nil, fmt.Errorf("provider: %q is unknown; hookspan provider list names all", name)
		}
		c.Senders = senders
		return p.Compile(c)
	}
}

// proof is what can at best be known of a source's requests. What compiled at the start does so again.
func (a *App) proof(s receiver.Source) provider.Proof {
	v, err := verifiers(&a.catalog, nil)(s.Provider, s.OfProvider())
	if err != nil {
		return ""
	}
	return v.Proof()
}

// likely says whose request a refused one looks like.
func likely(catalog *catalogue) func(receiver.Verifier, http.Header) string {
	return func(v receiver.Verifier, h http.Header) string {
		if of, ok := v.(*provider.Verifier); ok {
			return catalog.Load().Hint(of, h)
		}
		return ""
	}
}

// endpoints are the configured receivers, by who defines them.
func endpoints(c *config.Config) (byEnv, byFile []*endpoint.Endpoint) {
	for i := range c.Endpoints {
		e := c.Endpoints[i].Clone()
		if e.ManagedBy == endpoint.ByFile {
			byFile = append(byFile, e)
		} else {
			byEnv = append(byEnv, e)
		}
	}
	return byEnv, byFile
}

// checkEndpoint is what a registration asks for, whoever makes it.
func (a *App) checkEndpoint(ctx context.Context, e *endpoint.Endpoint) []endpoint.FieldError {
	warning, faults := checkEndpoint(ctx, e, a.Check, signature.Schemes{Providers: &a.catalog})
	if warning != "" {
		a.Log.Warn("endpoint's address could not be checked, it will be at each attempt", "endpoint", e.Name, "detail", warning)
	}
	if e.ManagedBy == endpoint.ByAPI { // those of the configuration were held against its own topics
		unfollowed, warnings := a.unfollowed(e)
		faults = append(faults, unfollowed...)
		for _, w := range warnings {
			a.Log.Warn("endpoint has a topic that is not followed", "endpoint", e.Name, "detail", w)
		}
	}
	return faults
}

// checkEndpoint adds to an endpoint's own validation what egress and the signature scheme say.
func checkEndpoint(ctx context.Context, e *endpoint.Endpoint, egress EgressCheck, schemes signature.Schemes) (warning string, faults []endpoint.FieldError) {
	warning, faults = egress(ctx, e)
	if known, ok := schemes.Options(e.Signature); ok && signature.OfProvider(e.Signature) {
		faults = append(faults, endpoint.CheckOptions(e, known)...)
	}
	scheme, err := schemes.Compile(e.Signature, e.Options, e.Secrets)
	if err != nil {
		faults = append(faults, fieldError(err))
	} else if signature.OfProvider(e.Signature) && e.Auth.Given() && signsAuthorization(scheme, e) {
		faults = append(faults, endpoint.FieldError{Field: "auth", Message: "the signature has the header Authorization already; take one of the two out"})
	}
	if _, err := schemes.CompileEncryption(e.Signature, e.Options, e.EncryptSecret.Open()); err != nil {
		faults = append(faults, fieldError(err))
	}
	return warning, faults
}

// signsAuthorization tries what a signature sets, which for a provider's only its file says.
func signsAuthorization(scheme *signature.Scheme, e *endpoint.Endpoint) bool {
	h := http.Header{}
	err := scheme.Sign(h, signature.Message{ID: "msg_1", Time: time.Now(), Delivery: "dlv_1", Type: "test", Method: http.MethodPost, URL: e.Address(), Body: []byte("{}")})
	return err == nil && h.Get("Authorization") != ""
}
