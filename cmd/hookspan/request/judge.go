package request

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"github.com/hookspan/hookspan/bridge/config"
	"github.com/hookspan/hookspan/bridge/provider"
	"github.com/hookspan/hookspan/bridge/receiver"
	"github.com/hookspan/hookspan/bridge/scheme"
	"github.com/hookspan/hookspan/cmd/hookspan/cli"
	"github.com/hookspan/hookspan/sinks/webhook"
)

// A judge is a source as it judges requests: one of the configuration, or one made of flags.
type judge struct {
	name     string
	verifier *provider.Verifier
	public   string         // URL that the sender was told
	trusted  []netip.Prefix // proxies
	peer     netip.Addr     // who hands the request over
	tls      bool
	maxBody  int64
	reject   bool              // what the provider does not send
	catalog  *provider.Catalog // nil: no other provider is thought of
	asked    string            // the URL of the request that is judged, whatever the public one is
}

// judgeOf makes a source of the flags alone.
func (f *requestFlags) judgeOf(p *provider.Provider) (*judge, error) {
	secrets, err := f.secret.Open()
	if err != nil {
		return nil, err
	}
	options, err := cli.Pairs("option", f.options, "=")
	if err != nil {
		return nil, err
	}
	v, err := p.Compile(provider.Config{Source: p.Name, Secrets: secrets, Options: options, Senders: provider.NewSenders(webhook.New(webhook.Options{}))})
	if err != nil {
		return nil, cli.Usage("%w", err)
	}
	return &judge{name: p.Name, verifier: v, maxBody: v.MaxBody()}, nil
}

// Configured reads the configuration as a start does, and refuses what that refuses.
type Configured func(ctx context.Context, environ []string) (*config.Config, error)

// sourceJudge is a source of the configuration, as a server that starts with it would make it.
func sourceJudge(ctx context.Context, configured Configured, t *cli.Terminal, name, peer string) (*judge, error) {
	c, err := configured(ctx, t.Environ)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(c.Sources, func(s config.Source) bool { return s.Name == name })
	if i < 0 {
		names := make([]string, len(c.Sources))
		for i := range c.Sources {
			names[i] = c.Sources[i].Name
		}
		return nil, cli.Usage("--source: there is no source %q in the configuration; there are: %s", name, strings.Join(names, ", "))
	}
	s := &c.Sources[i]
	catalog, err := provider.Load(c.ProvidersDir)
	if err != nil {
		return nil, err
	}
	p, ok := catalog.Provider(s.Provider)
	if !ok {
		return nil, cli.Usage("--source: there is no provider %q", s.Provider)
	}
	of := s.OfProvider()
	of.Senders = provider.NewSenders(webhook.New(webhook.Options{Egress: webhook.Egress{Allow: c.EgressAllow, Hosts: c.EgressHosts}, Proxy: c.EgressProxy, ProxyResolves: c.EgressProxyResolves}))
	v, err := p.Compile(of)
	if err != nil {
		return nil, cli.Usage("%w", err)
	}
	j := &judge{
		name: s.Name, verifier: v, catalog: catalog, public: s.PublicURL, trusted: c.TrustedProxies, tls: c.TLS.Cert != "",
		maxBody: v.MaxBody(), reject: s.Invalid == receiver.Reject,
	}
	if peer != "" {
		if j.peer, err = netip.ParseAddr(peer); err != nil {
			return nil, cli.Usage("--peer: want an address such as 10.0.0.7")
		}
	} else if len(j.trusted) > 0 {
		j.peer = j.trusted[0].Addr() // a request that came through a proxy, as nearly all do then
	}
	return j, nil
}

// url is what the server would take the URL of a saved request for.
func (j *judge) url(r *provider.Request) (string, error) {
	if r.URL == "" && j.public == "" {
		return "", nil // only a body was given
	}
	target, err := url.Parse(r.URL)
	if err != nil {
		return "", cli.Usage("FILE: the URL of the request cannot be read")
	}
	q := &http.Request{Method: r.Method, URL: target, Host: r.Header.Get("Host"), Header: r.Header, RemoteAddr: netip.AddrPortFrom(j.peer, 0).String()}
	if target.Host != "" {
		q.Host = target.Host
	}
	if j.tls || target.Scheme == "https" {
		q.TLS = &tls.ConnectionState{}
	}
	j.asked = receiver.RequestURL(q, "", j.trusted)
	return receiver.RequestURL(q, j.public, j.trusted), nil
}

// suspectPublicURL finds a public URL that is not what the sender was told.
func (j *judge) suspectPublicURL(r *provider.Request) []provider.Finding {
	if j.public == "" || !j.verifier.SignsURL() {
		return nil
	}
	_, rest, _ := strings.Cut(j.asked, "://")
	for _, scheme := range []string{"https://", "http://"} {
		other := *r
		other.URL = scheme + rest
		if _, err := j.verifier.Verify(&other); err == nil {
			bare, _, _ := strings.Cut(other.URL, "?")
			return []provider.Finding{{Text: "it is accepted with the URL that was asked for: signed was " + bare, Remedy: "set the source's public URL (_PUBLIC_URL) to " + bare}}
		}
	}
	return nil
}

// suspectProvider finds a request that looks like another provider's.
func (j *judge) suspectProvider(r *provider.Request) []provider.Finding {
	if j.catalog == nil {
		return nil
	}
	hint := j.catalog.Hint(j.verifier, r.Header)
	if hint == "" {
		return nil
	}
	return []provider.Finding{{Text: hint, Remedy: "check that the source has the right provider; hookspan verify --any tries all"}}
}

// judge verifies a request the way the source does, its bounds included.
func (j *judge) judge(r *provider.Request) (*Judgement, error) {
	v := j.verifier
	result := &Judgement{Provider: v.Provider().Name, Source: j.name, URL: r.URL, Genuine: true, Status: v.Success().Status}
	if refusal, status := j.admit(r); refusal != nil {
		result.refuse(refusal, status)
		result.Findings = []provider.Finding{{Text: fmt.Sprintf("refused (%s): %s", refusal.Reason, refusal.Detail)}}
		return result, nil
	}
	result.Findings = provider.Explain(v, r)
	verdict, err := v.Verify(r)
	var refusal *provider.Refusal
	switch {
	case errors.As(err, &refusal):
		result.refuse(refusal, v.StatusOf(refusal))
		result.Findings = append(result.Findings, j.suspectPublicURL(r)...)
		result.Findings = append(result.Findings, j.suspectProvider(r)...)
		return result, nil
	case err != nil:
		return nil, err
	case verdict.Answer != nil:
		result.Status = verdict.Answer.Status
	case verdict.Invalid != "":
		if result.Reason, result.Detail = string(verdict.Reason), verdict.Invalid; j.reject {
			result.Status = http.StatusUnprocessableEntity
		}
	}
	result.Proof = verdict.Proof
	for i := range verdict.Events {
		e := &verdict.Events[i]
		result.Events = append(result.Events, eventItem{e.ID, e.Source, e.Type, e.Subject, e.Time, len(e.Data)})
	}
	return result, nil
}

// admit is what a server looks at before it verifies.
func (j *judge) admit(r *provider.Request) (*provider.Refusal, int) {
	if !slices.Contains(j.verifier.Methods(), r.Method) {
		return &provider.Refusal{Reason: provider.WrongMethod, Detail: fmt.Sprintf("method %q is not one of the provider's: %s", r.Method, strings.Join(j.verifier.Methods(), ", "))}, http.StatusMethodNotAllowed
	}
	if _, unknown := scheme.Packed(r.Header); unknown != "" {
		return &provider.Refusal{Reason: provider.MediaType, Detail: fmt.Sprintf("Content-Encoding %q", unknown)}, http.StatusUnsupportedMediaType
	}
	if media := r.Header.Get("Content-Type"); media != "" && !j.verifier.AcceptsMediaType(media) {
		return &provider.Refusal{Reason: provider.MediaType, Detail: fmt.Sprintf("Content-Type %q", media)}, http.StatusUnsupportedMediaType
	}
	if size := int64(len(r.Body)); size > j.maxBody {
		return &provider.Refusal{Reason: provider.TooLarge, Detail: fmt.Sprintf("the body of %d bytes is larger than the %d that the source takes (max_body)", size, j.maxBody)}, http.StatusRequestEntityTooLarge
	}
	return nil, 0
}

func (j *Judgement) refuse(r *provider.Refusal, status int) {
	j.Genuine, j.Reason, j.Detail, j.Status = false, string(r.Reason), r.Detail, status
}
