package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"github.com/hookspan/hookspan/bridge/provider"
	"github.com/hookspan/hookspan/bridge/provider/providertest"
)

// hookspan runs a command as a shell would, in an environment of its own.
func hookspan(t *testing.T, environ []string, args ...string) (out, errs string, code int) {
	t.Helper()
	var o, e bytes.Buffer
	term := &terminal{in: strings.NewReader(""), out: &o, err: &e, environ: append([]string{"HOOKSPAN_DATA_DIR=" + t.TempDir()}, environ...)}
	code = term.run(t.Context(), args)
	return o.String(), e.String(), code
}

func TestExitCodes(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		environ []string
		args    []string
		want    int
		says    string
	}{
		"done":                   {nil, []string{"version"}, exitDone, "hookspan "},
		"help":                   {nil, []string{"trigger", "--help"}, exitDone, "Examples:"},
		"unknown command":        {nil, []string{"serv"}, exitUsage, "unknown command"},
		"unknown flag":           {nil, []string{"version", "--nope"}, exitUsage, "unknown flag"},
		"missing argument":       {nil, []string{"deliveries", "get"}, exitUsage, "accepts 1 arg"},
		"wrong configuration":    {[]string{"HOOKSPAN_LISTNE=:1"}, []string{"config", "check"}, exitUsage, "did you mean HOOKSPAN_LISTEN?"},
		"unknown provider":       {[]string{"HOOKSPAN_SOURCES=a", "HOOKSPAN_SOURCE_A_PROVIDER=nobody"}, []string{"config", "check"}, exitUsage, `provider: "nobody" is unknown`},
		"no server":              {nil, []string{"deliveries"}, exitUsage, "give --server or HOOKSPAN_SERVER"},
		"server that is not up":  {nil, []string{"endpoints", "--server", "http://127.0.0.1:1"}, exitFailed, "ask the server"},
		"trigger without secret": {nil, []string{"trigger", "sticker", "--to", "http://127.0.0.1:1/"}, exitUsage, "give --secret or --secret-file"},
		"trigger without URL":    {nil, []string{"trigger", "sticker", "--secret", "s"}, exitUsage, "--to: want the URL"},
		"trigger of nobody":      {nil, []string{"trigger", "nobody"}, exitUsage, `there is no provider "nobody"`},
		"trigger of no type":     {nil, []string{"trigger", "sticker", "order.eaten", "--secret", "s", "--to", "http://127.0.0.1:1/"}, exitUsage, "order.eaten"},
		"bench of nothing":       {nil, []string{"bench", "intake", "--connections", "0"}, exitUsage, "have to be positive"},
		"probe of plain bodies":  {nil, []string{"provider", "probe", "github", "--body-file", "-", "--secret", "s"}, exitUsage, "does not encrypt"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			out, errs, code := hookspan(t, c.environ, c.args...)
			if code != c.want || !strings.Contains(out+errs, c.says) {
				t.Errorf("code %d, want %d; want %q in:\n%s%s", code, c.want, c.says, out, errs)
			}
		})
	}
}

func TestEveryCommandHasAnExample(t *testing.T) {
	t.Parallel()
	var walk func(cmd *cobra.Command)
	walk = func(cmd *cobra.Command) {
		if cmd.Example == "" || cmd.Short == "" {
			t.Errorf("%s: no example or no short text", cmd.CommandPath())
		}
		for _, child := range cmd.Commands() {
			walk(child)
		}
	}
	walk((&terminal{out: &bytes.Buffer{}}).rootCommand())
}

// A sample is what trigger makes of a provider, with what it was made of.
type sample struct {
	*provider.Provider
	secret  string
	options []string // key=value
	made    *provider.Sample
}

const sampleURL = "http://hooks.example/webhooks/shop"

// sampleOf signs with the first secret whose form the provider takes.
func sampleOf(t *testing.T, p *provider.Provider) *sample {
	t.Helper()
	s := &sample{Provider: p}
	if p.Name == "hmac" {
		s.options = []string{"header=X-Signature"}
	}
	options, err := pairs("option", s.options, "=")
	if err != nil {
		t.Fatal(err)
	}
	for _, s.secret = range providertest.Secrets() {
		if s.made, err = p.Sample(provider.SampleRequest{Secret: s.secret, Options: options, URL: sampleURL, Now: time.Now(), Seq: 1}); err == nil {
			return s
		}
	}
	t.Fatalf("no secret is one for %s: %v", p.Name, err)
	return nil
}

// What trigger prints is what verify takes, for every provider.
func TestSamplesOfEveryProviderVerify(t *testing.T) {
	t.Parallel()
	catalog, err := provider.Load("")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range catalog.Names() {
		p, _ := catalog.Provider(name)
		s := sampleOf(t, p)
		var text bytes.Buffer
		request := provider.Request{Received: time.Now()}
		if err := errors.Join(writeRequest(&text, s.made), readRequest(&request, text.Bytes())); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		request.URL = "http://hooks.example" + request.URL
		by, err := (&requestFlags{secret: secretFlags{secrets: []string{s.secret}}, options: s.options}).judgeOf(p)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if j, err := by.judge(&request); err != nil || !j.Genuine || len(j.Events) == 0 {
			t.Errorf("%s: %+v, %v of\n%s", name, j, err, text.String())
		}
	}
}

// And so do the commands themselves: for senders whose ids, bodies and secrets differ most.
func TestTriggeredRequestsVerify(t *testing.T) {
	t.Parallel()
	catalog, err := provider.Load("")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"sticker", "sticky", "hmac", "github", "stripe", "twilio", "standard-webhooks", "cloudevents"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, _ := catalog.Provider(name)
			s := sampleOf(t, p)
			var options []string
			for _, o := range s.options {
				options = append(options, "--option", o)
			}
			request, errs, code := hookspan(t, nil, append([]string{"trigger", name, "--to", sampleURL, "--secret", s.secret, "--print"}, options...)...)
			if code != exitDone {
				t.Fatalf("trigger: %s", errs)
			}
			file := filepath.Join(t.TempDir(), "request")
			if err := os.WriteFile(file, []byte(request), 0o600); err != nil {
				t.Fatal(err)
			}
			verify := append([]string{"verify", name, file, "--url", sampleURL, "--json"}, options...)
			out, errs, code := hookspan(t, nil, append(verify, "--secret", s.secret)...)
			var j judgement
			if err := json.Unmarshal([]byte(out), &j); err != nil || code != exitDone || !j.Genuine || len(j.Events) == 0 {
				t.Errorf("code %d: %s%s", code, out, errs)
			}
			if _, _, code = hookspan(t, nil, append(verify, "--secret", "whsec_"+strings.Repeat("QUFB", 8))...); code == exitDone {
				t.Error("another secret is taken too")
			}
		})
	}
}

func TestProvidersAreListed(t *testing.T) {
	t.Parallel()
	out, errs, code := hookspan(t, nil, "provider", "list", "--json")
	var item providerItem
	first, _, _ := strings.Cut(out, "\n")
	if err := json.Unmarshal([]byte(first), &item); err != nil || code != exitDone || item.Name == "" || item.Title == "" || strings.Count(out, "\n") < 200 {
		t.Errorf("code %d, %v: %s%s", code, err, out, errs)
	}
}

func TestProbeNamesTheScheme(t *testing.T) {
	t.Parallel()
	const secret = "ThirtyTwoCharactersOfAKeyPhrase1"
	request, _, _ := hookspan(t, nil, "trigger", "sticky", "--to", "http://hooks.example/", "--secret", secret, "--print",
		"--option", "cipher=aes-256-ecb", "--option", "iv=none")
	_, body, _ := strings.Cut(request, "\r\n\r\n")
	file := filepath.Join(t.TempDir(), "body")
	if err := os.WriteFile(file, []byte(body), 0o600); err != nil {
		t.Fatal(err)
	}
	out, errs, code := hookspan(t, nil, "provider", "probe", "sticky", "--body-file", file, "--secret", secret, "--json")
	var found struct{ Options string }
	if err := json.Unmarshal([]byte(out), &found); err != nil || code != exitDone || !strings.Contains(found.Options, "cipher=aes-256-ecb") {
		t.Errorf("code %d: %s%s", code, out, errs)
	}
}

func TestConfigDocsAreTheTable(t *testing.T) {
	t.Parallel()
	out, _, _ := hookspan(t, nil, "config", "docs")
	if !strings.Contains(out, "| `HOOKSPAN_LISTEN` | `:8080` |") {
		t.Error(out)
	}
}
