package request

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"github.com/hookspan/hookspan/bridge/app"
	"github.com/hookspan/hookspan/bridge/config"
	"github.com/hookspan/hookspan/bridge/provider"
	"github.com/hookspan/hookspan/bridge/receiver"
	"github.com/hookspan/hookspan/cmd/hookspan/adapter"
	"github.com/hookspan/hookspan/cmd/hookspan/cli"
	"github.com/hookspan/hookspan/sinks/webhook"
)

// A judge is a source as it judges requests: one of the configuration, or one made of flags.
type judge struct {
	conf     config.Config
	source   receiver.Source
	verifier *provider.Verifier
	peer     netip.Addr        // who hands the request over
	maxBytes int64             // of an event, that the bus takes; 0 where that is not known
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
	c, err := config.Load(nil)
	if err != nil {
		return nil, err
	}
	j := &judge{conf: *c, source: receiver.Source{Name: p.Name, Provider: p.Name, Secrets: secrets, Options: options}}
	return j, j.compile(p)
}

// compile makes the source's verifier.
func (j *judge) compile(p *provider.Provider) error {
	c, of := &j.conf, j.source.OfProvider()
	of.Senders = provider.NewSenders(webhook.New(webhook.Options{Egress: webhook.Egress{Allow: c.EgressAllow, Hosts: c.EgressHosts}, Proxy: c.EgressProxy, ProxyResolves: c.EgressProxyResolves}))
	var err error
	if j.verifier, err = p.Compile(of); err != nil {
		return cli.Usage("%w", err)
	}
	return nil
}

// Configured reads the configuration as a start does, and refuses what that refuses.
type Configured func(ctx context.Context, environ []string) (*config.Config, error)

// sourceJudge is a source of the configuration, as a server that starts with it would make it.
func sourceJudge(ctx context.Context, configured Configured, t *cli.Terminal, name, peer string) (*judge, error) {
	c, err := configured(ctx, t.Environ)
	if err != nil {
		return nil, err
	}
	catalog, err := provider.Load(c.ProvidersDir)
	if err != nil {
		return nil, err
	}
	return judgeIn(c, catalog, name, peer)
}

func judgeIn(c *config.Config, catalog *provider.Catalog, name, peer string) (*judge, error) {
	i := slices.IndexFunc(c.Sources, func(s config.Source) bool { return s.Name == name })
	if i < 0 {
		names := make([]string, len(c.Sources))
		for i := range c.Sources {
			names[i] = c.Sources[i].Name
		}
		return nil, cli.Usage("--source: there is no source %q in the configuration; there are: %s", name, strings.Join(names, ", "))
	}
	j := &judge{conf: *c, source: c.Sources[i].Source, maxBytes: adapter.MaxBytes(c), catalog: catalog}
	p, ok := catalog.Provider(j.source.Provider)
	if !ok {
		return nil, cli.Usage("--source: there is no provider %q", j.source.Provider)
	}
	if err := j.compile(p); err != nil {
		return nil, err
	}
	if peer != "" {
		var err error
		if j.peer, err = netip.ParseAddr(peer); err != nil {
			return nil, cli.Usage("--peer: want an address such as 10.0.0.7")
		}
	} else if len(c.TrustedProxies) > 0 {
		j.peer = c.TrustedProxies[0].Addr() // a request that came through a proxy, as nearly all do then
	}
	return j, nil
}

// incoming is a saved request as it comes to the server: net/http keeps Host apart, and takes off how
// a body was sent.
func (j *judge) incoming(r *provider.Request) (*http.Request, error) {
	target, err := url.Parse(r.URL)
	if err != nil {
		return nil, cli.Usage("FILE: the URL of the request cannot be read")
	}
	q := &http.Request{
		Method: r.Method, URL: target, Host: cmp.Or(target.Host, r.Header.Get("Host")), Header: r.Header.Clone(), RemoteAddr: netip.AddrPortFrom(j.peer, 0).String(),
		Body: io.NopCloser(bytes.NewReader(r.Body)), ContentLength: int64(len(r.Body)),
	}
	q.Header.Del("Host")
	q.Header.Del("Transfer-Encoding")
	if j.conf.TLS.Cert != "" || target.Scheme == "https" {
		q.TLS = &tls.ConnectionState{}
	}
	return q, nil
}

// url is what the server would take the URL of a saved request for.
func (j *judge) url(r *provider.Request) (string, error) {
	if r.URL == "" && j.source.PublicURL == "" {
		return "", nil // only a body was given
	}
	q, err := j.incoming(r)
	if err != nil {
		return "", err
	}
	j.asked = receiver.RequestURL(q, "", j.conf.TrustedProxies)
	return receiver.RequestURL(q, j.source.PublicURL, j.conf.TrustedProxies), nil
}

// suspectPublicURL finds a public URL that is not what the sender was told.
func (j *judge) suspectPublicURL(r *provider.Request) []provider.Finding {
	if j.source.PublicURL == "" || !j.verifier.SignsURL() {
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

// A witness is the verifier of the source, to which a saved request comes when it was sent, and by its
// URL.
type witness struct {
	*provider.Verifier
	saved   *provider.Request
	asked   bool
	verdict provider.Verdict
	err     error
}

func (w *witness) VerifyIn(q *provider.Request, room []provider.Event) (provider.Verdict, error) {
	q.URL, q.Received = w.saved.URL, w.saved.Received
	w.asked = true
	w.verdict, w.err = w.Verifier.VerifyIn(q, room)
	return w.verdict, w.err
}

// judge says what the source answers to a request, and explains it. told is the URL that the sender
// was told; without it, it is what the server would take it for.
func (j *judge) judge(r *provider.Request, told string) (*Judgement, error) {
	result, w, err := j.take(r, told)
	if err != nil {
		return nil, err
	}
	became := result.Findings
	if result.Findings = nil; w.asked {
		result.Findings = provider.Explain(j.verifier, r)
	}
	if w.err != nil {
		result.Findings = append(result.Findings, j.suspectPublicURL(r)...)
		result.Findings = append(result.Findings, j.suspectProvider(r)...)
	}
	result.Findings = append(result.Findings, became...)
	return result, nil
}

// judged is the source without what a saved request does not show.
func (j *judge) judged(q *http.Request) (source receiver.Source, unjudged []provider.Finding) {
	source = j.source
	own := receiver.Path + source.Name
	if path := strings.TrimSuffix(q.URL.Path, "/"); j.catalog != nil && path != "" && path != own { // of a configuration
		unjudged = append(unjudged, provider.Finding{
			Text: fmt.Sprintf("the request asks for %s, and the source takes %s: unless a proxy writes the path anew, the answer is 404", path, own), Remedy: "give the sender the URL that ends with " + own,
		})
	}
	if len(source.From) > 0 && !j.peer.IsValid() {
		source.From = nil
		unjudged = append(unjudged, provider.Finding{Text: "from where it came is not judged, and the source takes requests from " + j.source.From.String() + " alone", Remedy: "say who sent it, as --peer"})
	}
	if source.ClientCA != "" {
		source.ClientCA, source.ClientNames = "", nil
		unjudged = append(unjudged, provider.Finding{Text: "whether the source's sender shows a certificate (_CLIENT_CA) is not judged"})
	}
	return source, unjudged
}

// take lets the source take a request. The findings are what becomes of it.
func (j *judge) take(r *provider.Request, told string) (*Judgement, *witness, error) {
	q, err := j.incoming(r)
	if err != nil {
		return nil, nil, err
	}
	if r.URL, err = j.url(r); err != nil {
		return nil, nil, err
	}
	r.URL = cmp.Or(told, r.URL)
	w := &witness{Verifier: j.verifier, saved: r}
	from, unjudged := j.judged(q)
	source := app.Rehearsal{Config: &j.conf, Source: from, Verifier: w, MaxBytes: j.maxBytes}
	took, err := source.Take(q)
	if err != nil {
		return nil, nil, err
	}
	result := &Judgement{
		Provider: j.source.Provider, Source: j.source.Name, URL: r.URL, Genuine: w.asked && w.err == nil, Status: took.Status, Proof: w.verdict.Proof,
		Reason: string(w.verdict.Reason), Detail: w.verdict.Invalid,
	}
	if took.Refusal != nil {
		result.Reason, result.Detail = string(took.Refusal.Reason), took.Refusal.Detail
	}
	if refusal, ok := errors.AsType[*provider.Refusal](w.err); ok && string(refusal.Reason) == result.Reason {
		result.Detail = refusal.Detail // whole
	} else if took.Refusal != nil {
		result.Findings = append(result.Findings, provider.Finding{Text: fmt.Sprintf("refused (%s): %s", result.Reason, result.Detail)})
	}
	for i := range took.Events {
		result.keep(&took.Events[i], j.conf.Namespace+".quarantine")
	}
	result.Findings = append(result.Findings, unjudged...)
	if j.busUnknown(r) && result.taken() {
		result.Findings = append(result.Findings, provider.Finding{
			Text:   "the bus is not asked how much it takes; usually a message of 1 MiB, and the source less then",
			Remedy: "see what the server's log says of max_body at its start",
		})
	}
	return result, w, nil
}

// busUnknown reports a request that is too large for a bus that nobody has told to take more.
func (j *judge) busUnknown(r *provider.Request) bool {
	const usual = 1<<20 - 64<<10
	return j.conf.Bus.Kind != config.BusEmbedded && len(r.Body) > usual
}

// keep notes an event, and where it goes if that is no topic of the source.
func (j *Judgement) keep(e *app.Performed, quarantine string) {
	j.Events = append(j.Events, eventItem{e.ID, e.Source, e.Type, e.Subject, e.Time, len(e.Data), e.Topic})
	switch {
	case !j.Genuine:
		j.Findings = append(j.Findings, provider.Finding{
			Text:   "it is taken all the same, because the source only observes: event " + e.ID + " goes to " + e.Topic + " and nowhere else",
			Remedy: "once the sender's requests are genuine, set _VERIFY of the source to enforce",
		})
	case e.Topic == quarantine:
		j.Reason, j.Detail = e.Extension("hookspanreason"), e.Extension("hookspandetail")
		j.Findings = append(j.Findings, provider.Finding{
			Text:   fmt.Sprintf("event %s goes to %s (%s): %s", e.ID, e.Topic, j.Reason, j.Detail),
			Remedy: "see the source's _INVALID and _SCHEMA; hookspan quarantine lists and releases such events",
		})
	case e.Unfit != "":
		j.Findings = append(j.Findings, provider.Finding{Text: "event " + e.ID + " does not fit its schema, of which the source only warns: " + e.Unfit})
	}
}

// taken reports whether the sender is told that it need not send again.
func (j *Judgement) taken() bool { return j.Status < http.StatusMultipleChoices }
