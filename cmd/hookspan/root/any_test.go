package root_test

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hookspan/hookspan/cmd/hookspan/cli"
	"github.com/hookspan/hookspan/cmd/hookspan/request"
)

// printed saves what trigger prints of a provider's sample.
func printed(t *testing.T, name, secret string) string {
	t.Helper()
	text, errs, code := hookspan(t, nil, "trigger", name, "--to", "http://hooks.example/webhooks/shop", "--secret", secret, "--print")
	if code != cli.ExitDone {
		t.Fatal(errs)
	}
	file := filepath.Join(t.TempDir(), "request")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestVerifyAny(t *testing.T) {
	t.Parallel()
	const secret = "an invented shared secret"
	file := printed(t, "github", secret)
	for name, c := range map[string]struct {
		args []string
		code int
		says []string
	}{
		"by headers":           {[]string{file}, cli.ExitDone, []string{"PROVIDER", "github", "X-Hub-Signature-256", "--secret-file"}},
		"by its secret":        {[]string{file, "--secret", secret}, cli.ExitDone, []string{"genuine as github's: type com.github.push"}},
		"with another one":     {[]string{file, "--secret", "quite another shared secret"}, cli.ExitFailed, []string{"genuine as no provider's"}},
		"of nobody":            {[]string{"--body-file", file, "--header", "X-Nobody: 1"}, cli.ExitFailed, []string{"no header of the request tells"}},
		"of headers alone":     {[]string{"--body-file", file, "--header", "Stripe-Signature: t=1"}, cli.ExitDone, []string{"stripe"}},
		"together with source": {[]string{file, "--source", "shop"}, cli.ExitUsage, []string{"--any takes a request alone"}},
		"with a provider":      {[]string{"github", file}, cli.ExitUsage, []string{"--any takes a request alone"}},
		"with an option":       {[]string{file, "--option", "a=b"}, cli.ExitUsage, []string{"--any takes a request alone"}},
		"without a request":    {nil, cli.ExitUsage, []string{"is missing"}},
		"with an empty secret": {[]string{file, "--secret", ""}, cli.ExitUsage, []string{"--secret"}},
	} {
		out, errs, code := hookspan(t, nil, append([]string{"verify", "--any"}, c.args...)...)
		if code != c.code {
			t.Errorf("%s: code %d: %s%s", name, code, out, errs)
		}
		for _, text := range c.says {
			if !strings.Contains(out+errs, text) {
				t.Errorf("%s: %q is not in %s%s", name, text, out, errs)
			}
		}
		if strings.Contains(out+errs, secret) {
			t.Errorf("%s: the secret is in %s%s", name, out, errs)
		}
	}
	out, _, code := hookspan(t, nil, "verify", "--any", file, "--secret", secret, "--json")
	var l request.Likeness
	if err := json.Unmarshal([]byte(out), &l); err != nil || code != cli.ExitDone || !l.Tried || len(l.Genuine) != 1 || l.Genuine[0].Provider != "github" || l.Likely[0].Provider != "github" {
		t.Errorf("%v: %s", err, out)
	}
}

// Who judges a request as the wrong provider's is told whose it looks like.
func TestVerifySaysWhoseItLooksLike(t *testing.T) {
	t.Parallel()
	const secret = "an invented shared secret"
	file := printed(t, "github", secret)
	out, _, _ := hookspan(t, nil, "verify", "stripe", file, "--secret", secret)
	if !strings.Contains(out, "looks like github's: it has X-Hub-Signature-256") || strings.Contains(out, secret) {
		t.Error(out)
	}
	if out, _, _ := hookspan(t, nil, "verify", "github", file, "--secret", "quite another shared secret"); strings.Contains(out, "looks like github") {
		t.Error(out)
	}
}

// A source that gets another provider's webhook says so where people look for it.
func TestARefusalOfTheServerSaysWhoseItLooksLike(t *testing.T) {
	t.Parallel()
	r := launch(t, "HOOKSPAN_DATA_DIR="+t.TempDir(), "HOOKSPAN_EMBEDDED_MAX_STORE=64MB")
	r.shows("/readyz", http.StatusOK, "")
	_, errs, code := hookspan(t, nil, "trigger", "github", "--to", "http://"+r.IntakeAddr()+"/webhooks/shop", "--secret", "an invented shared secret")
	if code != cli.ExitFailed || !strings.Contains(errs, "the answer was 401") {
		t.Errorf("code %d: %s", code, errs)
	}
	r.shows("/v1/refusals", http.StatusOK, "the request looks like github's: it has X-Hub-Signature-256")
}
