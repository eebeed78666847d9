package mail_test

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/hookspan/hookspan/bridge/alert"
	"github.com/hookspan/hookspan/bridge/setting"
	"github.com/hookspan/hookspan/sinks/certtest"
	"github.com/hookspan/hookspan/sinks/mail"
	"github.com/hookspan/hookspan/sinks/mail/mailtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const from = "Hookspan <hooks@shop.example>"

// at is a server's URL with a login in front of its host.
func at(s *mailtest.Server, login string) setting.MailServer {
	scheme, host, _ := strings.Cut(s.URL(), "://")
	return setting.MailServer(scheme + "://" + login + host)
}

func letter() alert.Mail {
	return alert.Mail{
		ID: "0123abcd", To: "ops@shop.example", At: time.Date(2026, 5, 4, 10, 0, 0, 0, time.UTC),
		Subject: "[hookspan] endpoint crm is disabled — 410", Text: "What happened:\n\n  ünd a line of more than a hundred characters, which a mail may not have as it is because of what is behind it\n.\n",
	}
}

func TestMailsAreTaken(t *testing.T) {
	t.Parallel()
	authority := certtest.New(t)
	own := &tls.Config{Certificates: []tls.Certificate{authority.Issue(t, "127.0.0.1")}}
	for name, c := range map[string]struct {
		o         mailtest.Options
		login     string
		password  setting.Secret
		encrypted bool
	}{
		"in the clear":              {},
		"STARTTLS":                  {o: mailtest.Options{TLS: own}, encrypted: true},
		"TLS from the start":        {o: mailtest.Options{TLS: own, Implicit: true}, encrypted: true},
		"a login":                   {o: mailtest.Options{TLS: own, User: "me", Password: "canary"}, login: "me@", password: "canary", encrypted: true},
		"a login over TLS":          {o: mailtest.Options{TLS: own, Implicit: true, User: "me", Password: "canary"}, login: "me@", password: "canary", encrypted: true},
		"a login in the URL":        {o: mailtest.Options{TLS: own, User: "me@shop", Password: "can/ary"}, login: "me%40shop:can%2Fary@", encrypted: true},
		"a login of any characters": {o: mailtest.Options{TLS: own, User: "m:e", Password: "p w"}, login: "m%3Ae@", password: "p w", encrypted: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := mailtest.New(t, c.o)
			sender, via := mail.Sender{Roots: authority.Pool(), Agent: "Hookspan/test"}, alert.Server{URL: at(server, c.login), Password: c.password, From: from}
			if err := sender.Check(t.Context(), via); err != nil {
				t.Error(err)
			}
			want := letter()
			if err := sender.Send(t.Context(), via, want); err != nil {
				t.Fatal(err)
			}
			got := server.Await(1)[0]
			if got.Subject != want.Subject || got.Text != want.Text || got.From != "hooks@shop.example" || got.To != want.To || got.Encrypted != c.encrypted {
				t.Errorf("took %+v", got)
			}
			if got.User != c.o.User {
				t.Errorf("%q had logged in, want %q", got.User, c.o.User)
			}
			for key, value := range map[string]string{
				"From": `"Hookspan" <hooks@shop.example>`, "Message-Id": "<0123abcd@shop.example>", "Date": "Mon, 04 May 2026 10:00:00 +0000",
				"Auto-Submitted": "auto-generated", "User-Agent": "Hookspan/test",
			} {
				if got.Header.Get(key) != value {
					t.Errorf("%s is %q, want %q", key, got.Header.Get(key), value)
				}
			}
		})
	}
}

func TestMailsThatAreNotTaken(t *testing.T) {
	t.Parallel()
	authority := certtest.New(t)
	own := &tls.Config{Certificates: []tls.Certificate{authority.Issue(t, "127.0.0.1")}}
	others := &tls.Config{Certificates: []tls.Certificate{certtest.New(t).Issue(t, "127.0.0.1")}}
	for name, c := range map[string]struct {
		o        mailtest.Options
		login    string
		answer   error
		down     bool
		refused  bool
		says     string
		to, from string
	}{
		"a server that is away":          {down: true, says: "refused"},
		"no such mailbox":                {answer: mailtest.Never(), refused: true, says: "550 5.1.1"},
		"a server that wants it later":   {answer: mailtest.Later(), says: "451"},
		"a wrong password":               {o: mailtest.Options{TLS: own, User: "me", Password: "another"}, login: "me:canary@", says: "AUTH"},
		"a password in the clear":        {o: mailtest.Options{User: "me", Password: "canary"}, login: "me:canary@", says: "STARTTLS"},
		"a password, nobody wants it":    {o: mailtest.Options{TLS: own}, login: "me:canary@", says: "AUTH"},
		"nobody trusts the certificate":  {o: mailtest.Options{TLS: others}, says: "certificate"},
		"nor that of TLS from the start": {o: mailtest.Options{TLS: others, Implicit: true}, says: "certificate"},
		"a login is missing":             {o: mailtest.Options{TLS: own, User: "me", Password: "another"}, refused: true, says: "502 5.7.0"},
		"no address":                     {to: "nobody", refused: true, says: "address"},
		"from no address":                {from: "nobody", says: "address"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := mailtest.New(t, c.o)
			server.Refuse(func(string) error { return c.answer })
			if c.down {
				server.Down()
			}
			m, via := letter(), alert.Server{URL: at(server, c.login), From: from}
			if c.to != "" {
				m.To = c.to
			}
			if c.from != "" {
				via.From = setting.Mailbox(c.from)
			}
			sender := &mail.Sender{Roots: authority.Pool()}
			err := sender.Send(t.Context(), via, m)
			if err == nil || errors.Is(err, alert.ErrRefused) != c.refused || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "canary") {
				t.Errorf("%v; want %q, refused: %v", err, c.says, c.refused)
			}
			if n := len(server.Mails()); n != 0 {
				t.Errorf("%d mails were taken", n)
			}
			about := c.answer == nil && c.to == "" && c.from == "" && !c.refused // the server, and not a mail
			if err := sender.Check(t.Context(), via); (err != nil) != about || err != nil && (!strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "canary")) {
				t.Errorf("checked: %v", err)
			}
		})
	}
}

// A server that takes the connection and says nothing holds nobody up for longer than the context.
func TestASilentServerIsLeft(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	taken := make(chan net.Conn, 1) // the goroutine sends, once
	go func() {
		conn, _ := l.Accept() // nil once the listener is closed
		taken <- conn
	}()
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	err = (&mail.Sender{}).Send(ctx, alert.Server{URL: setting.MailServer("smtp://" + l.Addr().String()), From: from}, letter())
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("ended with %v", err)
	}
	if conn := <-taken; conn != nil {
		if _, err := conn.Read(make([]byte, 1)); err == nil {
			t.Error("the connection was not closed")
		}
		_ = conn.Close() // it is of no use any more
	}
}
