package provider_test

import (
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/hookspan/hookspan/bridge/provider"
)

// The table of headers is made from the files; who adds a provider writes it anew with -update.
func TestTheTableOfHeadersIsThatOfTheFiles(t *testing.T) {
	t.Parallel()
	c := catalog(t)
	var want strings.Builder
	for _, name := range c.Names() {
		p, _ := c.Provider(name)
		want.WriteString(provider.NamedLine(p))
	}
	if *update {
		if err := os.WriteFile("named.tsv", []byte(want.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	have, err := os.ReadFile("named.tsv")
	if err != nil {
		t.Fatal(err)
	}
	if string(have) != want.String() {
		t.Error("named.tsv is not what the files name: go test ./bridge/provider -run TableOfHeaders -update")
	}
}

// silent are providers whose deliveries no header tells: what proves them stands in the body or the query.
var silent = []string{"adyen", "aws-sns", "braintree", "kinde", "liqpay", "mailgun", "microsoft-graph", "midtrans", "pandadoc", "sticky"}

// Every vector is taken for its own provider's, alone or beside others that its headers do not tell apart.
func TestEveryVectorIsDetected(t *testing.T) {
	t.Parallel()
	c := catalog(t)
	alone, sharing, tied := 0, map[string]bool{}, map[string]bool{}
	for _, f := range readVectors(t) {
		for _, v := range f.Vectors {
			if f.Provider == "hmac" || v.Want.Answer != nil {
				continue // any header will do; handshakes are not deliveries
			}
			guesses := c.Detect(v.Request().Header)
			best := provider.Best(guesses)
			at := slices.IndexFunc(best, func(g provider.Guess) bool { return g.Provider == f.Provider })
			switch {
			case slices.Contains(silent, f.Provider):
				if at >= 0 {
					t.Errorf("%s/%s: it is told by %v after all; take it off the list", f.Provider, v.ID, best[at].Headers)
				}
			case at < 0 && slices.ContainsFunc(best, func(g provider.Guess) bool { return g.Like == f.Provider }):
				sharing[f.Provider] = true // with other names of its headers, by an option
			case at < 0:
				t.Errorf("%s/%s: taken for %s", f.Provider, v.ID, summary(guesses))
			case len(best) == 1:
				alone++
			case slices.ContainsFunc(best, func(g provider.Guess) bool { return schemeOf(g) != schemeOf(best[at]) }):
				tied[f.Provider] = true // by the names of headers, which several vendors have chosen alike
			default:
				sharing[f.Provider] = true
			}
		}
	}
	t.Logf("%d vectors are told from all others; %d providers share a scheme with others; %d share headers: %s",
		alone, len(sharing), len(tied), strings.Join(sorted(tied), ", "))
	if alone < 250 || len(tied) > 80 {
		t.Errorf("too few are told apart")
	}
}

func schemeOf(g provider.Guess) string {
	if g.Like != "" {
		return g.Like
	}
	return g.Provider
}

func sorted(set map[string]bool) []string {
	var all []string
	for name := range set {
		all = append(all, name)
	}
	slices.Sort(all)
	return all
}

func summary(guesses []provider.Guess) string {
	var b strings.Builder
	for _, g := range guesses[:min(len(guesses), 5)] {
		fmt.Fprintf(&b, "%s %d %v; ", g.Provider, g.Score, g.Headers)
	}
	return b.String()
}

func TestDetect(t *testing.T) {
	t.Parallel()
	c, err := userFiles(t, map[string]string{
		"own.yaml":  "name: own\nverify: [{hmac: {header: x-own-signature, content: \"{header:X-Own-Time}{body}\"}}]\nevent: {prefix: com.own, id: \"header:X-Own-Id\"}\n",
		"slack.yml": "name: slack\nverify: [{hmac: {header: X-Another}}]\nevent: {prefix: com.own}\n",
	})
	if err != nil {
		t.Fatal(err)
	}
	for what, want := range map[string]struct {
		header http.Header
		first  string
		names  []string
	}{
		"nothing":                  {http.Header{}, "", nil},
		"what everybody sends":     {http.Header{"User-Agent": {"GitHub-Hookshot/1"}, "Accept": {"*/*"}, "Content-Type": {"application/json"}}, "", nil},
		"a header without a value": {http.Header{"X-Hub-Signature-256": {""}}, "", nil},
		"a signature":              {http.Header{"Stripe-Signature": {"t=1,v1=00"}}, "stripe", []string{"Stripe-Signature"}},
		"without a signature":      {http.Header{"X-Github-Event": {"push"}, "X-Request-Id": {"7"}}, "github", []string{"X-Github-Event"}},
		"one of several":           {http.Header{"X-Hub-Signature-256": {"sha256=00"}, "X-Github-Event": {"push"}}, "github", []string{"X-Hub-Signature-256", "X-Github-Event"}},
		"one that others build on": {http.Header{"Webhook-Id": {"1"}, "Webhook-Signature": {"v1,AA=="}, "Webhook-Timestamp": {"1"}}, "standard-webhooks", nil},
		"the operator's own":       {http.Header{"X-Own-Signature": {"00"}, "X-Own-Time": {"1"}}, "own", []string{"X-Own-Signature", "X-Own-Time"}},
		"one that is replaced":     {http.Header{"X-Slack-Signature": {"v0=00"}}, "", nil},
	} {
		guesses := c.Detect(want.header)
		if want.first == "" {
			if len(guesses) > 0 && guesses[0].Score >= 500 {
				t.Errorf("%s: %s", what, summary(guesses))
			}
			continue
		}
		if len(guesses) == 0 || guesses[0].Provider != want.first || want.names != nil && !slices.Equal(guesses[0].Headers, want.names) {
			t.Errorf("%s: %s", what, summary(guesses))
		}
		for range 5 {
			if again := c.Detect(want.header); summary(again) != summary(guesses) {
				t.Fatalf("%s: %s, and then %s", what, summary(guesses), summary(again))
			}
		}
	}
}

func TestHint(t *testing.T) {
	t.Parallel()
	c := catalog(t)
	github := http.Header{"X-Hub-Signature-256": {"sha256=" + invented}, "X-Github-Event": {"push"}, "X-Github-Delivery": {"7"}}
	svix := http.Header{"Svix-Id": {"1"}, "Svix-Signature": {"v1,AA=="}, "Svix-Timestamp": {"1"}}
	for what, one := range map[string]struct {
		provider string
		options  map[string]string
		header   http.Header
		want     []string
	}{
		"another provider's":              {"stripe", nil, github, []string{"looks like github's: it has X-Hub-Signature-256, X-Github-"}},
		"another one's with a header too": {"meta", nil, github, []string{"looks like github's"}},
		"its own":                         {"github", nil, github, nil},
		"nobody's":                        {"stripe", nil, http.Header{"X-Nobody": {"1"}}, nil},
		"everybody's":                     {"stripe", nil, http.Header{"Authorization": {"Bearer 1"}}, nil},
		"of one scheme":                   {"clerk", nil, svix, nil},
		"by the source's options":         {"standard-webhooks", map[string]string{"headers": "svix"}, svix, nil},
		"by an option that is wrong":      {"standard-webhooks", map[string]string{"headers": "svix"}, http.Header{"Webhook-Id": {"1"}, "Webhook-Signature": {"v1,AA=="}, "Webhook-Timestamp": {"1"}}, []string{"one of standard-webhooks, "}},
		"what proxies add":                {"stripe", nil, http.Header{"Date": {"today"}, "X-Request-Id": {"7"}}, nil},
		"by other options":                {"standard-webhooks", nil, svix, []string{"one of ", " more: it has Svix-Signature, Svix-"}},
	} {
		got := c.Hint(compile(t, one.provider, provider.Config{Options: one.options}), one.header)
		if (got == "") != (one.want == nil) || strings.Contains(got, invented) {
			t.Errorf("%s: %q", what, got)
		}
		for _, text := range one.want {
			if !strings.Contains(got, text) {
				t.Errorf("%s: %q is not in %q", what, text, got)
			}
		}
	}
}

func BenchmarkHint(b *testing.B) {
	c, v := catalog(b), compile(b, "stripe", provider.Config{})
	header := http.Header{"X-Hub-Signature-256": {"sha256=00"}, "X-Github-Event": {"push"}, "X-Github-Delivery": {"7"}, "Content-Type": {"application/json"}}
	b.ReportAllocs()
	for b.Loop() {
		if c.Hint(v, header) == "" {
			b.Fatal("no hint")
		}
	}
}

func FuzzDetect(f *testing.F) {
	c := catalog(f)
	v := compile(f, "stripe", provider.Config{})
	f.Add("X-Hub-Signature-256", "a", "\x00", "")
	f.Fuzz(func(t *testing.T, name, value, other, text string) {
		header := http.Header{name: {value}, other: {text, value}, "": nil}
		for _, g := range c.Detect(header) {
			if g.Score <= 0 || len(g.Headers) == 0 {
				t.Errorf("%+v", g)
			}
		}
		c.Hint(v, header)
	})
}
