package server

import (
	"context"

	"github.com/hookspan/hookspan/bridge/alert"
	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/config"
	"github.com/hookspan/hookspan/sinks/mail"
)

// examineMail finds out whether the mail server takes us in, where there is one. It mails nothing.
func (d *doctor) examineMail(ctx context.Context, c *config.Config) []bus.Finding {
	if c.SMTP.URL.IsZero() {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, d.patience)
	defer cancel()
	f := bus.Finding{Subject: "mail server", Verdict: bus.Fine, Detail: "answers"}
	if err := (&mail.Sender{}).Check(ctx, alert.Server{URL: c.SMTP.URL, Password: c.SMTP.Password, From: c.Alert.From}); err != nil {
		f.Verdict, f.Detail = bus.Fault, err.Error()
		f.Remedy = "see that it runs, that HOOKSPAN_SMTP_URL and HOOKSPAN_SMTP_PASSWORD are right, and that its certificate's authority is trusted (SSL_CERT_FILE); alerts are kept until it takes them"
	}
	return []bus.Finding{f}
}
