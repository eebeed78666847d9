package root_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/hookspan/hookspan/cmd/hookspan/cli"
	"github.com/hookspan/hookspan/cmd/hookspan/request"
	"github.com/hookspan/hookspan/cmd/hookspan/root"
	"github.com/hookspan/hookspan/schemas"
)

// hookspan runs a command as a shell would, in an environment of its own.
func hookspan(t *testing.T, environ []string, args ...string) (out, errs string, code int) {
	t.Helper()
	var o, e bytes.Buffer
	term := &cli.Terminal{In: strings.NewReader(""), Out: &o, Err: &e, Environ: append([]string{"HOOKSPAN_DATA_DIR=" + t.TempDir()}, environ...)}
	code = term.Run(t.Context(), root.Command, args)
	return o.String(), e.String(), code
}

func TestExitCodes(t *testing.T) {
	t.Parallel()
	below := filepath.Join(t.TempDir(), "file", "data")
	if err := os.WriteFile(filepath.Dir(below), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	holding := func(file, text string) []string {
		dir := t.TempDir()
		writeTo(t, filepath.Join(dir, file), text)
		return []string{"HOOKSPAN_DATA_DIR=" + dir}
	}
	for name, c := range map[string]struct {
		environ []string
		args    []string
		want    int
		says    string
	}{
		"kept token that is gone": {holding("admin-token", "\n"), []string{"config", "check"}, cli.ExitUsage, "admin token: "},
		"kept key that is none":   {holding("seal-key", "no key\n"), []string{"config", "check"}, cli.ExitUsage, "seal-key: seal key 1 is not base64"},
		"folder of a member":      {holding("member.json", `{"cluster":"orders","server":"a"}`), []string{"config", "check"}, cli.ExitUsage, "is that of a in the cluster orders"},
		"done":                    {nil, []string{"version"}, cli.ExitDone, "hookspan "},
		"help":                    {nil, []string{"trigger", "--help"}, cli.ExitDone, "Examples:"},
		"unknown command":         {nil, []string{"serv"}, cli.ExitUsage, "unknown command"},
		"unknown flag":            {nil, []string{"version", "--nope"}, cli.ExitUsage, "unknown flag"},
		"missing argument":        {nil, []string{"deliveries", "get"}, cli.ExitUsage, "accepts 1 arg"},
		"wrong configuration":     {[]string{"HOOKSPAN_LISTNE=:1"}, []string{"config", "check"}, cli.ExitUsage, "did you mean HOOKSPAN_LISTEN?"},
		"journal on NATS":         {[]string{"HOOKSPAN_BUS=nats://127.0.0.1:1", "HOOKSPAN_TOPICS=orders.>,hookspan.journal.>"}, []string{"config", "check"}, cli.ExitUsage, "HOOKSPAN_TOPICS: the topic pattern hookspan.journal.> stands for nothing but"},
		"journal on Kafka":        {[]string{"HOOKSPAN_BUS=kafka://127.0.0.1:1", "HOOKSPAN_TOPICS=orders,hookspan.journal"}, []string{"config", "check"}, cli.ExitUsage, "HOOKSPAN_TOPICS: the topic pattern hookspan.journal stands for nothing but"},
		"journal, embedded":       {[]string{"HOOKSPAN_TOPICS=orders.>,hookspan.journal.>"}, []string{"config", "check"}, cli.ExitUsage, "HOOKSPAN_TOPICS: the topic pattern hookspan.journal.> stands for nothing but"},
		"unknown provider":        {[]string{"HOOKSPAN_SOURCES=a", "HOOKSPAN_SOURCE_A_PROVIDER=nobody"}, []string{"config", "check"}, cli.ExitUsage, `_PROVIDER: "nobody" is unknown`},
		"phrase of a bad length":  {[]string{"HOOKSPAN_SOURCES=a", "HOOKSPAN_SOURCE_A_PROVIDER=sticky", "HOOKSPAN_SOURCE_A_SECRETS=short"}, []string{"config", "check"}, cli.ExitUsage, "\nHOOKSPAN_SOURCE_A_SECRETS: decrypt: secret 1"},
		"template without body":   {[]string{"HOOKSPAN_SOURCES=a", "HOOKSPAN_SOURCE_A_PROVIDER=hmac", "HOOKSPAN_SOURCE_A_SECRETS=s", "HOOKSPAN_SOURCE_A_OPTIONS=header=X-Sig,template={url}"}, []string{"config", "check"}, cli.ExitUsage, "\nHOOKSPAN_SOURCE_A_OPTIONS: verify: content: {url}"},
		"template that is none":   {[]string{"HOOKSPAN_SOURCES=a", "HOOKSPAN_SOURCE_A_PROVIDER=hmac", "HOOKSPAN_SOURCE_A_SECRETS=s", "HOOKSPAN_SOURCE_A_OPTIONS=header=X-Sig,template={no}"}, []string{"config", "check"}, cli.ExitUsage, "\nHOOKSPAN_SOURCE_A_OPTIONS: verify[0]: template"},
		"folder below a file":     {[]string{"HOOKSPAN_DATA_DIR=" + below}, []string{"config", "check"}, cli.ExitUsage, "HOOKSPAN_DATA_DIR: " + filepath.Dir(below) + " is no folder"},
		"no server":               {nil, []string{"deliveries"}, cli.ExitUsage, "give --server or HOOKSPAN_SERVER"},
		"server that is not up":   {nil, []string{"endpoints", "--server", "http://127.0.0.1:1"}, cli.ExitFailed, "ask the server"},
		"trigger without secret":  {nil, []string{"trigger", "sticker", "--to", "http://127.0.0.1:1/"}, cli.ExitUsage, "give --secret or --secret-file"},
		"trigger without URL":     {nil, []string{"trigger", "sticker", "--secret", "s"}, cli.ExitUsage, "--to: want the URL"},
		"trigger of nobody":       {nil, []string{"trigger", "nobody"}, cli.ExitUsage, `there is no provider "nobody"`},
		"trigger of no type":      {nil, []string{"trigger", "sticker", "order.eaten", "--secret", "s", "--to", "http://127.0.0.1:1/"}, cli.ExitUsage, "order.eaten"},
		"bench of nothing":        {nil, []string{"bench", "intake", "--connections", "0"}, cli.ExitUsage, "have to be positive"},
		"traces beyond all":       {nil, []string{"bench", "delivery", "--traces", "1.5"}, cli.ExitUsage, "--traces: want a share"},
		"memory of nobody":        {nil, []string{"bench", "memory", "--endpoints", "0"}, cli.ExitUsage, "--endpoints have to be positive"},
		"probe of plain bodies":   {nil, []string{"provider", "probe", "github", "--body-file", "-", "--secret", "s"}, cli.ExitUsage, "does not encrypt"},
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
	walk(root.Command(&cli.Terminal{Out: &bytes.Buffer{}}))
}

// What trigger makes is what verify takes: for senders whose ids, bodies and secrets differ most.
func TestTriggeredRequestsVerify(t *testing.T) {
	t.Parallel()
	const url = "http://hooks.example/webhooks/shop"
	for name, secret := range map[string]string{
		"sticker": "an invented shared secret", "sticky": "ThirtyTwoCharactersOfAKeyPhrase1", "hmac": "an invented shared secret",
		"github": "an invented shared secret", "stripe": "an invented shared secret", "twilio": "an invented shared secret",
		"standard-webhooks": "whsec_" + strings.Repeat("c2VlZHNl", 6), "cloudevents": "an invented shared secret",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var options []string
			if name == "hmac" {
				options = []string{"--option", "header=X-Signature"}
			}
			text, errs, code := hookspan(t, nil, append([]string{"trigger", name, "--to", url, "--secret", secret, "--print"}, options...)...)
			if code != cli.ExitDone {
				t.Fatalf("trigger: %s", errs)
			}
			file := filepath.Join(t.TempDir(), "request")
			if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			verify := append([]string{"verify", name, file, "--url", url, "--json"}, options...)
			out, errs, code := hookspan(t, nil, append(verify, "--secret", secret)...)
			var j request.Judgement
			if err := json.Unmarshal([]byte(out), &j); err != nil || code != cli.ExitDone || !j.Genuine || len(j.Events) == 0 {
				t.Errorf("code %d: %s%s", code, out, errs)
			}
			if _, _, code = hookspan(t, nil, append(verify, "--secret", "whsec_"+strings.Repeat("QUFB", 8))...); code == cli.ExitDone {
				t.Error("another secret is taken too")
			}
		})
	}
}

func TestProvidersAreListed(t *testing.T) {
	t.Parallel()
	out, errs, code := hookspan(t, nil, "provider", "list", "--json")
	var item struct{ Name, Title, Proof string }
	first, _, _ := strings.Cut(out, "\n")
	if err := json.Unmarshal([]byte(first), &item); err != nil || code != cli.ExitDone || item.Name == "" || item.Title == "" || item.Proof == "" || strings.Count(out, "\n") < 200 {
		t.Errorf("code %d, %v: %s%s", code, err, out, errs)
	}
}

func TestProbeNamesTheScheme(t *testing.T) {
	t.Parallel()
	const secret = "ThirtyTwoCharactersOfAKeyPhrase1"
	text, _, _ := hookspan(t, nil, "trigger", "sticky", "--to", "http://hooks.example/", "--secret", secret, "--print",
		"--option", "cipher=aes-256-ecb", "--option", "iv=none")
	_, body, _ := strings.Cut(text, "\r\n\r\n")
	file := filepath.Join(t.TempDir(), "body")
	if err := os.WriteFile(file, []byte(body), 0o600); err != nil {
		t.Fatal(err)
	}
	out, errs, code := hookspan(t, nil, "provider", "probe", "sticky", "--body-file", file, "--secret", secret, "--json")
	var found struct{ Options string }
	if err := json.Unmarshal([]byte(out), &found); err != nil || code != cli.ExitDone || !strings.Contains(found.Options, "cipher=aes-256-ecb") {
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

func TestProviderLanguageIsThePageAndTheSchema(t *testing.T) {
	t.Parallel()
	out, errs, code := hookspan(t, nil, "provider", "language")
	if page, err := os.ReadFile("../../../bridge/provider/LANGUAGE.md"); err != nil || code != cli.ExitDone || out != string(page) {
		t.Errorf("code %d, %v: %s%s", code, err, out, errs)
	}
	for _, how := range []string{"--schema", "--json"} {
		out, errs, code := hookspan(t, nil, "provider", "language", how)
		if schema, err := schemas.Files.ReadFile("provider.json"); err != nil || code != cli.ExitDone || out != string(schema) {
			t.Errorf("%s: code %d, %v: %s%s", how, code, err, out, errs)
		}
	}
}
