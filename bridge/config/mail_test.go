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
)

const mailServer = "HOOKSPAN_SMTP_URL=smtp://me@mail.example"

func TestMailIsConfigured(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	secret := filepath.Join(dir, "password")
	if err := os.WriteFile(secret, []byte("canary\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "hookspan.yaml")
	if err := os.WriteFile(file, []byte(`
smtp_url: smtp://me@mail.example
smtp_password_file: `+secret+`
alert_from: Hookspan <hooks@shop.example>
alert_to: [ops@shop.example, acme=hooks@acme.example]
endpoints:
  crm: {url: https://crm.example/, alert_to: oncall@crm.example}
`), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, environ := range map[string][]string{
		"environment": {
			mailServer, "HOOKSPAN_SMTP_PASSWORD=canary", "HOOKSPAN_ALERT_FROM=Hookspan <hooks@shop.example>", "HOOKSPAN_ALERT_TO=ops@shop.example, acme=hooks@acme.example",
			"HOOKSPAN_ENDPOINTS=crm", "HOOKSPAN_ENDPOINT_CRM_URL=https://crm.example/", "HOOKSPAN_ENDPOINT_CRM_ALERT_TO=oncall@crm.example",
		},
		"file": {"HOOKSPAN_CONFIG=" + file},
	} {
		c := load(t, environ...)
		if c.SMTP.URL.Open() != "smtp://me@mail.example" || c.SMTP.Password.Open() != "canary" || c.Alert.From != "Hookspan <hooks@shop.example>" || !c.MailsAlerts() {
			t.Errorf("%s: %q %q %+v", name, c.SMTP.URL.Open(), c.SMTP.Password.Open(), c.Alert)
		}
		for tenant, want := range map[string][]string{"": {"ops@shop.example"}, "acme": {"ops@shop.example", "hooks@acme.example"}, "globex": {"ops@shop.example"}} {
			if got := c.Alert.To.For(tenant); !slices.Equal(got, want) {
				t.Errorf("%s: alerts about %q go to %v, want %v", name, tenant, got, want)
			}
		}
		if got := c.Endpoints[0].AlertTo; !slices.Equal(got, []string{"oncall@crm.example"}) {
			t.Errorf("%s: the endpoint's own are %v", name, got)
		}
		text, err := json.Marshal(c.SMTP)
		if shown := fmt.Sprintf("%v %+v %#v %d %s", c.SMTP, c.SMTP, c.SMTP, c.SMTP, text); err != nil || strings.Contains(shown, "canary") || strings.Contains(shown, "me@") {
			t.Errorf("%s: shown as %s, %v", name, shown, err)
		}
	}
	c := load(t, "HOOKSPAN_SMTP_URL=smtps://me:can%40ary@mail.example", "HOOKSPAN_ALERT_FROM=hooks@shop.example", "HOOKSPAN_ALERT_TO=ops@shop.example", "HOOKSPAN_ROLES=receiver,admin")
	if shown := fmt.Sprintf("%v %+v %q", c.SMTP, c.SMTP, c.SMTP.URL); strings.Contains(shown, "ary") || c.MailsAlerts() {
		t.Errorf("shown as %s; mails: %v", shown, c.MailsAlerts())
	}
}

func TestMailThatIsNotConfiguredRight(t *testing.T) {
	t.Parallel()
	const password, sender = "HOOKSPAN_SMTP_PASSWORD=canary", "HOOKSPAN_ALERT_FROM=hooks@shop.example"
	for want, environ := range map[string][]string{
		"HOOKSPAN_SMTP_URL: want the URL of a mail server":                            {"HOOKSPAN_SMTP_URL=https://canary@mail.example", sender},
		"HOOKSPAN_SMTP_URL: has a port that is not between":                           {"HOOKSPAN_SMTP_URL=smtp://canary:canary@mail.example:0", sender},
		"HOOKSPAN_SMTP_URL: names a user without a password":                          {mailServer, sender},
		"HOOKSPAN_SMTP_URL: an empty secret":                                          {"HOOKSPAN_SMTP_URL="},
		"HOOKSPAN_SMTP_PASSWORD: is of nobody":                                        {"HOOKSPAN_SMTP_URL=smtp://mail.example", password, sender},
		"HOOKSPAN_SMTP_PASSWORD: given together with one in HOOKSPAN_SMTP_URL":        {"HOOKSPAN_SMTP_URL=smtp://me:canary@mail.example", password, sender},
		"HOOKSPAN_SMTP_PASSWORD: needs a mail server: give HOOKSPAN_SMTP_URL":         {password},
		"HOOKSPAN_ALERT_FROM: needs a mail server: give HOOKSPAN_SMTP_URL":            {sender},
		"HOOKSPAN_ALERT_TO: needs a mail server: give HOOKSPAN_SMTP_URL":              {"HOOKSPAN_ALERT_TO=ops@shop.example"},
		"HOOKSPAN_ALERT_FROM: missing; give the address":                              {mailServer, password},
		"HOOKSPAN_ALERT_FROM: want an address of mail":                                {mailServer, password, "HOOKSPAN_ALERT_FROM=shop"},
		"HOOKSPAN_ALERT_TO: want addresses of mail such as ops@shop.example, and ten": {mailServer, password, sender, "HOOKSPAN_ALERT_TO=ops@shop.example,shop"},
		"HOOKSPAN_ENDPOINT_CRM_ALERT_TO: want addresses of mail such as":              {mailServer, password, sender, "HOOKSPAN_ENDPOINTS=crm", "HOOKSPAN_ENDPOINT_CRM_URL=https://crm.example", "HOOKSPAN_ENDPOINT_CRM_ALERT_TO=Crm <a@b.example>"},
	} {
		_, err := config.Load(environ)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "canary") {
			t.Errorf("%v: %v, want %q", environ, err, want)
		}
	}
	for want, environ := range map[string][]string{
		"HOOKSPAN_ALERT_TO: missing: nobody is mailed":                                {mailServer, password, sender},
		"HOOKSPAN_ENDPOINT_CRM_ALERT_TO: has no effect without a mail server; give H": {"HOOKSPAN_ENDPOINTS=crm", "HOOKSPAN_ENDPOINT_CRM_URL=https://crm.example", "HOOKSPAN_ENDPOINT_CRM_ALERT_TO=a@b.example"},
	} {
		c := load(t, environ...)
		if !slices.ContainsFunc(c.Warnings, func(p config.Problem) bool { return strings.HasPrefix(p.Where+": "+p.What, want) }) {
			t.Errorf("warnings %v, want %q", c.Warnings, want)
		}
	}
}
