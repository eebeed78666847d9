// Package mailtest is a mail server in the process, for tests: it speaks SMTP, in the clear, with
// STARTTLS or with TLS from the start, with or without a login, and keeps what it takes.
package mailtest

import (
	"crypto/tls"
	"errors"
	"io"
	"log"
	"mime"
	"mime/quotedprintable"
	"net"
	"net/mail"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"

	"github.com/hookspan/hookspan/sinks/porttest"
)

// patience bounds every wait for a mail.
const patience = 2 * time.Minute

// Options say what a server asks for.
type Options struct {
	TLS            *tls.Config // offered as STARTTLS; nil: none
	Implicit       bool        // TLS from the start instead
	User, Password string      // without them nobody logs in
}

// A Mail is one that was taken.
type Mail struct {
	From, To      string // of the envelope
	Header        mail.Header
	Subject, Text string
	Encrypted     bool   // the connection was
	User          string // who had logged in
}

// A Server takes mails. It may be taken down and brought up again at its address.
type Server struct {
	Addr string
	t    testing.TB
	o    Options

	mu      sync.Mutex
	running *smtp.Server
	listens net.Listener
	served  chan struct{} // closed when running has ended
	refuse  func(to string) error
	mails   []Mail
	more    chan struct{} // closed at the next mail; nil while nobody waits
	logins  int           // that were refused
}

// New starts a server that ends with the test.
func New(t testing.TB, o Options) *Server {
	t.Helper()
	s := &Server{t: t, o: o, Addr: porttest.Addresses(t, 1)[0], refuse: func(string) error { return nil }}
	s.Up()
	t.Cleanup(s.Down)
	return s
}

// URL is that of the server, without a login.
func (s *Server) URL() string {
	if s.o.Implicit {
		return "smtps://" + s.Addr
	}
	return "smtp://" + s.Addr
}

// Up has the server listen.
func (s *Server) Up() {
	s.t.Helper()
	l, err := net.Listen("tcp", s.Addr)
	if err != nil {
		s.t.Fatal(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.o.Implicit {
		l = tls.NewListener(l, s.o.TLS)
	}
	running := smtp.NewServer(s)
	running.Domain, running.AllowInsecureAuth, running.ErrorLog = "mail.test", false, log.New(io.Discard, "", 0)
	running.ReadTimeout, running.WriteTimeout = patience, patience
	if !s.o.Implicit {
		running.TLSConfig = s.o.TLS
	}
	served := make(chan struct{})
	s.running, s.listens, s.served = running, l, served
	go func() {
		defer close(served)
		_ = running.Serve(l) // ends with Down
	}()
}

// Down refuses connections and cuts those that there are.
func (s *Server) Down() {
	s.mu.Lock()
	running, l, served := s.running, s.listens, s.served
	s.running = nil
	s.mu.Unlock()
	if running != nil {
		_ = running.Close() // and its connections
		_ = l.Close()       // where it has not begun to serve yet
		<-served
	}
}

// Refuse has the server answer a recipient with an error; nil takes it.
func (s *Server) Refuse(by func(to string) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refuse = by
}

// Never is the answer to a recipient whom the server will never take mail for.
func Never() error {
	return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "no such mailbox"}
}

// Later is the answer of a server that takes mail another time.
func Later() error {
	return &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 3, 0}, Message: "try again later"}
}

// Mails are those that were taken, in their order.
func (s *Server) Mails() []Mail {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Mail(nil), s.mails...)
}

// Logins is how many were refused.
func (s *Server) Logins() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.logins
}

// Await returns the mails once there are so many.
func (s *Server) Await(n int) []Mail {
	s.t.Helper()
	late := time.NewTimer(patience)
	defer late.Stop()
	for {
		s.mu.Lock()
		all := append([]Mail(nil), s.mails...)
		if s.more == nil {
			s.more = make(chan struct{})
		}
		more := s.more
		s.mu.Unlock()
		if len(all) >= n {
			return all
		}
		select {
		case <-more:
		case <-late.C:
			s.t.Fatalf("%d mails came, want %d", len(all), n)
		}
	}
}

func (s *Server) take(m Mail) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mails = append(s.mails, m)
	if s.more != nil {
		close(s.more)
		s.more = nil
	}
}

// NewSession implements smtp.Backend.
func (s *Server) NewSession(c *smtp.Conn) (smtp.Session, error) {
	one := &session{of: s, conn: c}
	if s.o.User == "" {
		return plain{one}, nil
	}
	return one, nil
}

// A session is one connection, which has to log in.
type session struct {
	of       *Server
	conn     *smtp.Conn
	user     string
	from, to string
}

// plain hides that there is a login.
type plain struct{ smtp.Session }

// AuthMechanisms implements smtp.AuthSession.
func (x *session) AuthMechanisms() []string { return []string{sasl.Plain} }

// Auth implements smtp.AuthSession.
func (x *session) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		if user != x.of.o.User || password != x.of.o.Password {
			x.of.mu.Lock()
			x.of.logins++
			x.of.mu.Unlock()
			return smtp.ErrAuthFailed
		}
		x.user = user
		return nil
	}), nil
}

// Mail implements smtp.Session.
func (x *session) Mail(from string, _ *smtp.MailOptions) error {
	if x.of.o.User != "" && x.user == "" {
		return smtp.ErrAuthRequired
	}
	x.from = from
	return nil
}

// Rcpt implements smtp.Session.
func (x *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	x.of.mu.Lock()
	refuse := x.of.refuse
	x.of.mu.Unlock()
	x.to = to
	return refuse(to)
}

// Data implements smtp.Session.
func (x *session) Data(r io.Reader) error {
	msg, err := mail.ReadMessage(r)
	if err != nil {
		return err
	}
	m := Mail{From: x.from, To: x.to, Header: msg.Header, User: x.user}
	_, m.Encrypted = x.conn.TLSConnectionState()
	if m.Subject, err = (&mime.WordDecoder{}).DecodeHeader(msg.Header.Get("Subject")); err != nil {
		return err
	}
	if m.Text, err = text(msg); err != nil {
		return err
	}
	x.of.take(m)
	return nil
}

// Reset implements smtp.Session.
func (x *session) Reset() { x.from, x.to = "", "" }

// Logout implements smtp.Session.
func (x *session) Logout() error { return nil }

// text is the body of a message of one part.
func text(msg *mail.Message) (string, error) {
	body := msg.Body
	switch msg.Header.Get("Content-Transfer-Encoding") {
	case "quoted-printable":
		body = quotedprintable.NewReader(body)
	case "", "7bit", "8bit":
	default:
		return "", errors.New("a transfer encoding that no test expects")
	}
	all, err := io.ReadAll(body)
	return strings.ReplaceAll(string(all), "\r\n", "\n"), err
}
