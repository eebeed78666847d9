package mail

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/wneessen/go-mail"

	"github.com/hookspan/hookspan/bridge/alert"
	"github.com/hookspan/hookspan/bridge/setting"
)

// patience is how long the server may take for the login, and then for the mail.
const patience = 15 * time.Second

// A Sender is an alert.Sender. The zero value works.
type Sender struct {
	Roots *x509.CertPool // authorities; nil: the system's
	Agent string         // what it calls itself
}

// Send gives one mail to a server. Without a password the connection is encrypted where the server
// offers that, with one it is always. Errors hold neither user nor password.
func (s *Sender) Send(ctx context.Context, via alert.Server, m alert.Mail) error {
	msg, err := s.message(via.From, m)
	if err != nil {
		return err
	}
	c, client, err := s.prepare(ctx, via)
	if err != nil {
		return err
	}
	defer c.close()
	err = client.DialAndSendWithContext(ctx, msg)
	switch {
	case msg.IsDelivered(): // whatever went wrong after that
		return nil
	case ctx.Err() != nil:
		err = context.Cause(ctx)
	}
	return fmt.Errorf("mail by %s: %w", c.to.Host, explain(err))
}

// Check finds out whether a server takes us in. It sends nothing.
func (s *Sender) Check(ctx context.Context, via alert.Server) error {
	c, client, err := s.prepare(ctx, via)
	if err != nil {
		return err
	}
	defer c.close()
	in, err := client.DialToSMTPClientWithContext(ctx)
	if err != nil {
		return fmt.Errorf("reach the mail server at %s: %w", c.to.Host, explain(err))
	}
	_ = client.CloseWithSMTPClient(in) // it has answered
	return nil
}

// prepare makes what one connection needs, and connects to nothing.
func (s *Sender) prepare(ctx context.Context, via alert.Server) (*connection, *mail.Client, error) {
	u, err := setting.ReadMailServer(via.URL.Open())
	if err != nil {
		return nil, nil, fmt.Errorf("the mail server's URL: %w", err)
	}
	c := &connection{to: u, roots: s.Roots}
	client, err := mail.NewClient(u.Hostname(), append(c.options(via.Password), mail.WithDialContextFunc(func(dialing context.Context, _, _ string) (net.Conn, error) {
		return c.dial(ctx, dialing)
	}))...)
	if err != nil {
		return nil, nil, fmt.Errorf("prepare a mail: %w", err)
	}
	return c, client, nil
}

// explain tells a server that takes mail, and not this one, from one that takes none.
func explain(err error) error {
	var refused *mail.SendError
	if errors.As(err, &refused) && refused.ErrorCode() >= 500 {
		return fmt.Errorf("%w: it answers %s", alert.ErrRefused, strings.TrimSpace(strconv.Itoa(refused.ErrorCode())+" "+refused.EnhancedStatusCode()))
	}
	return err
}

func (s *Sender) message(from setting.Mailbox, m alert.Mail) (*mail.Msg, error) {
	msg := mail.NewMsg(mail.WithNoDefaultUserAgent())
	if err := msg.From(string(from)); err != nil {
		return nil, errors.New("the sender of alerts is no address of mail")
	}
	if err := msg.To(m.To); err != nil {
		return nil, fmt.Errorf("%w: it is for no address of mail", alert.ErrRefused)
	}
	msg.Subject(m.Subject)
	msg.SetDateWithValue(m.At)
	msg.SetMessageIDWithValue(m.ID + "@" + domain(string(from)))
	msg.SetUserAgent(cmp.Or(s.Agent, "Hookspan"))
	msg.SetGenHeader("Auto-Submitted", "auto-generated") // RFC 3834: nobody's absence answers it
	msg.SetBodyString(mail.TypeTextPlain, m.Text)
	return msg, nil
}

// domain is that of an address.
func domain(address string) string {
	return strings.TrimSuffix(address[strings.LastIndexByte(address, '@')+1:], ">")
}

// A connection is closed whatever becomes of it: the library leaves one open whose login failed.
type connection struct {
	to    *url.URL
	roots *x509.CertPool
	conn  net.Conn
	let   func() bool // has the end of a context not close it any more
}

func (c *connection) close() {
	if c.conn != nil {
		c.let()
		_ = c.conn.Close() // it may be closed already
	}
}

func (c *connection) options(password setting.Secret) []mail.Option {
	port, _ := strconv.Atoi(c.to.Port()) // was read as a number
	own, inURL := c.to.User.Password()
	options := []mail.Option{
		mail.WithPort(port), mail.WithTimeout(patience), mail.WithTLSConfig(c.tls()),
	}
	switch {
	case c.to.Scheme == "smtps":
		options = append(options, mail.WithSSL())
	case c.to.User != nil:
		options = append(options, mail.WithTLSPolicy(mail.TLSMandatory))
	default:
		options = append(options, mail.WithTLSPolicy(mail.TLSOpportunistic))
	}
	if c.to.User != nil {
		if !inURL {
			own = password.Open()
		}
		options = append(options, mail.WithUsername(c.to.User.Username()), mail.WithPassword(own),
			mail.WithOpportunisticSMTPAuth(mail.SMTPAuthSCRAMSHA256, mail.SMTPAuthSCRAMSHA1, mail.SMTPAuthPlain, mail.SMTPAuthLogin, mail.SMTPAuthCramMD5))
	}
	return options
}

func (c *connection) tls() *tls.Config {
	return &tls.Config{ServerName: c.to.Hostname(), RootCAs: c.roots, MinVersion: tls.VersionTLS12}
}

// dial takes the place of the library's own. The end of ctx also ends a mail that is on its way, which
// the library would leave to the server.
func (c *connection) dial(ctx, dialing context.Context) (conn net.Conn, err error) {
	if c.to.Scheme == "smtps" {
		conn, err = (&tls.Dialer{Config: c.tls()}).DialContext(dialing, "tcp", c.to.Host)
	} else {
		conn, err = (&net.Dialer{}).DialContext(dialing, "tcp", c.to.Host)
	}
	if err == nil {
		c.conn, c.let = conn, context.AfterFunc(ctx, func() { _ = conn.Close() })
	}
	return conn, err
}
