package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"

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

// secretFor is a secret of a form with which trigger can sign as the provider does.
func secretFor(t *testing.T, name string, options []string) string {
	t.Helper()
	for _, secret := range providertest.Secrets() {
		args := append([]string{"trigger", name, "--to", "http://hooks.example/", "--secret", secret, "--print"}, options...)
		if _, _, code := hookspan(t, nil, args...); code == exitDone {
			return secret
		}
	}
	t.Fatalf("no secret is one for %s", name)
	return ""
}

// What trigger makes is what verify takes, for every provider.
func TestTriggeredRequestsVerify(t *testing.T) {
	t.Parallel()
	out, _, _ := hookspan(t, nil, "provider", "list", "--json")
	for line := range strings.Lines(out) {
		var p providerItem
		if err := json.Unmarshal([]byte(line), &p); err != nil {
			t.Fatal(err)
		}
		t.Run(p.Name, func(t *testing.T) {
			t.Parallel()
			var options []string
			if p.Name == "hmac" {
				options = []string{"--option", "header=X-Signature"}
			}
			secret := secretFor(t, p.Name, options)
			request, errs, code := hookspan(t, nil, append([]string{"trigger", p.Name, "--to", "http://hooks.example/webhooks/shop", "--secret", secret, "--print"}, options...)...)
			if code != exitDone {
				t.Fatalf("trigger: %s", errs)
			}
			file := filepath.Join(t.TempDir(), "request")
			if err := os.WriteFile(file, []byte(request), 0o600); err != nil {
				t.Fatal(err)
			}
			url := "http://hooks.example/webhooks/shop"
			if line, _, ok := strings.Cut(request, " HTTP/1.1"); ok {
				_, path, _ := strings.Cut(line, " ")
				url = "http://hooks.example" + path
			}
			out, errs, code := hookspan(t, nil, append([]string{"verify", p.Name, file, "--secret", secret, "--url", url, "--json"}, options...)...)
			var j judgement
			if err := json.Unmarshal([]byte(out), &j); err != nil || code != exitDone || !j.Genuine || len(j.Events) == 0 {
				t.Errorf("code %d: %s%s", code, out, errs)
			}
			_, _, code = hookspan(t, nil, append([]string{"verify", p.Name, file, "--secret", "whsec_" + strings.Repeat("QUFB", 8), "--url", url}, options...)...)
			if code == exitDone {
				t.Error("another secret is taken too")
			}
		})
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
