package config_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hookspan/hookspan/bridge/config"
	"github.com/hookspan/hookspan/sinks/certtest"
)

// How an endpoint is logged in at may be written out, or refer to files, wherever it is written.
func TestAccessMayReferToFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := func(name, text string) string {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	authority := certtest.New(t)
	certificate, private := certtest.PEM(t, authority.Issue(t, "hookspan"))
	token, ca := file("token", "canary-token\n"), file("ca.pem", string(authority.PEM()))
	cert, key := file("cert.pem", string(certificate)), file("key.pem", string(private))
	quoted := func(v any) string {
		text, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	paths := map[string]string{"ca": ca, "cert": cert, "key": key, "server_name": "crm.internal"}
	for name, environ := range map[string][]string{
		"environment": {
			"HOOKSPAN_ENDPOINTS=crm", "HOOKSPAN_ENDPOINT_CRM_URL=https://crm.example/", "HOOKSPAN_ENDPOINT_CRM_AUTH=" + quoted(map[string]string{"bearer": "file:" + token}),
			"HOOKSPAN_ENDPOINT_CRM_TLS=" + quoted(paths),
		},
		"file": {"HOOKSPAN_CRM=canary-token", "HOOKSPAN_CONFIG=" + file("hookspan.yaml", `
endpoints:
  crm:
    url: https://crm.example/
    auth: {bearer: env:HOOKSPAN_CRM}
    tls: `+quoted(paths))},
	} {
		c, err := config.Load(environ)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		e := c.Endpoints[0]
		chain, err := e.TLS.Certificate()
		if err != nil || len(chain.Certificate) != 1 || e.Auth.Bearer != "canary-token" || !strings.HasPrefix(e.TLS.CA.Open(), "-----BEGIN CERT") || e.TLS.ServerName != "crm.internal" {
			t.Errorf("%s: %v, %q %q", name, err, e.Auth.Bearer.Open(), e.TLS.Open())
		}
		for path, secret := range map[string]bool{ca: false, cert: false, key: true, token: name == "environment"} {
			if slices.Contains(c.SecretFiles, path) != secret {
				t.Errorf("%s: %s is a secret file: %v", name, filepath.Base(path), !secret)
			}
			if path != token && !slices.Contains(c.Files, path) {
				t.Errorf("%s: nobody looks whether %s changes", name, filepath.Base(path))
			}
		}
		if text := fmt.Sprintf("%+v", c); strings.Contains(text, "canary-token") {
			t.Errorf("%s: the configuration prints a secret", name)
		}
	}
}

// Where secrets stand in the file itself, it is a file that nobody else should read.
func TestAFileWithSecretsInClearIsASecretFile(t *testing.T) {
	t.Parallel()
	token := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(token, []byte("canary-token"), 0o600); err != nil {
		t.Fatal(err)
	}
	const source, crm = "sources: {shop: {provider: hmac, ", "endpoints: {crm: {url: https://crm.example/, "
	for text, clear := range map[string]bool{
		"admin_token: canary":                                       true,
		"admin_token: env:SHOP":                                     false,
		"admin_token_file: " + token:                                false,
		"egress_proxy: http://proxy.example:3128":                   false,
		"egress_proxy: http://hookspan:canary@proxy.example:3128":   true,
		source + "secrets: canary}}":                                true,
		source + "secrets: ['env:SHOP', 'file:" + token + "']}}":    false,
		source + "secrets: env:SHOP file:" + token + "}}":           false,
		source + "secrets: ['env:SHOP', canary]}}":                  true,
		source + "secrets: env:SHOP canary}}":                       true,
		crm + "auth: {bearer: canary}}}":                            true,
		crm + "auth: {bearer: env:SHOP}}}":                          false,
		crm + "auth: {basic: {username: me, password: env:SHOP}}}}": false,
		crm + "auth: {basic: {username: me, password: canary}}}}":   true,
		crm + "tenant: canary}}":                                    false,
	} {
		path := filepath.Join(t.TempDir(), "hookspan.yaml")
		if err := os.WriteFile(path, []byte(text+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		c, err := config.Load([]string{"HOOKSPAN_CONFIG=" + path, "SHOP=canary", "HOOKSPAN_SEAL_KEY=MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=", "HOOKSPAN_ADMIN_TOKEN=canary"})
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if slices.Contains(c.SecretFiles, path) != clear {
			t.Errorf("%s: in clear %v", text, !clear)
		}
	}
}

// What an object says of events is no reference, whatever it begins with, as it is none in a variable.
func TestOnlySecretsOfAnObjectRefer(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "hookspan.yaml")
	const text = "endpoints: {crm: {url: https://crm.example/, filters: [{exact: {subject: env:CRM}}, {prefix: {source: file:/crm}}], auth: {bearer: env:HOOKSPAN_CRM}}}\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := config.Load([]string{"HOOKSPAN_CONFIG=" + path, "HOOKSPAN_CRM=canary", "CRM=no subject"})
	if err != nil {
		t.Fatal(err)
	}
	e := c.Endpoints[0]
	filters, err := json.Marshal(e.Filters)
	if err != nil || string(filters) != `[{"exact":{"subject":"env:CRM"}},{"prefix":{"source":"file:/crm"}}]` || e.Auth.Bearer != "canary" {
		t.Errorf("%s %q %v", filters, e.Auth.Bearer.Open(), err)
	}
}

// A variable that the file refers to is one of ours all the same.
func TestAVariableThatIsReferredToCounts(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "hookspan.yaml")
	if err := os.WriteFile(path, []byte("sources: {shop: {provider: hmac, secrets: env:HOOKSPAN_ADMIN_TOKEN}}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := config.Load([]string{"HOOKSPAN_CONFIG=" + path, "HOOKSPAN_ADMIN_TOKEN=canary"})
	if err != nil || c.AdminToken != "canary" || len(c.Sources) != 1 || c.Sources[0].Secrets[0] != "canary" {
		t.Errorf("%+v %v", c, err)
	}
}

func TestAccessThatCannotBeRead(t *testing.T) {
	t.Parallel()
	const begin = "HOOKSPAN_ENDPOINT_CRM_"
	for variable, want := range map[string]string{
		`AUTH=canary`:                        "AUTH: want {\"basic\"",
		`AUTH={"bearer":"file:/not/there"}`:  "AUTH: bearer: read the file: open /not/there",
		`AUTH={"basic":{"username":"u"}}`:    "AUTH: auth.basic.password is missing",
		`AUTH={"hawk":"canary"}`:             "AUTH: want {\"basic\"",
		`TLS={"key":"canaryMIGHAgEAMBMGBy"}`: "TLS: key: is neither PEM (-----BEGIN …) nor the path of a file that can be read",
		`TLS={"server_name":"a:1"}`:          "TLS: tls.server_name want a host name",
	} {
		_, err := config.Load([]string{"HOOKSPAN_ENDPOINTS=crm", begin + "URL=https://crm.example/", begin + variable})
		if err == nil {
			t.Errorf("%s was taken", variable)
			continue
		}
		if text := err.Error(); !strings.HasPrefix(text, begin+want) || strings.Contains(text, "canary") {
			t.Errorf("%s: %q, want %q", variable, text, want)
		}
	}
}
