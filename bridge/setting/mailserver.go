package setting

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"strconv"
	"strings"
)

// A MailServer is the URL of a server that takes mail, which may hold a login; the zero value is none.
// It prints without the login whatever formats it.
type MailServer string

const wantedMailServer = Wanted("the URL of a mail server: smtp:// or smtps://, maybe with user@, and nothing behind its port")

// Open returns the URL itself; see Secret.Open.
func (s MailServer) Open() string { return string(s) }

// IsZero reports that there is none.
func (s MailServer) IsZero() bool { return s == "" }

// Parse takes what ReadMailServer does.
func (s *MailServer) Parse(text string) error {
	*s = MailServer(strings.TrimSpace(text))
	_, err := ReadMailServer(s.Open())
	return err
}

// OfKind is KindLogin.
func (MailServer) OfKind() Kind { return KindLogin }

// ReadMailServer reads the URL of a mail server; its port is always there. Errors never repeat the
// text.
func ReadMailServer(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	if err != nil || len(text) > maxProxy || strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r >= 0x7f || r == '\\' }) {
		return nil, wantedMailServer
	}
	port, known := map[string]string{"smtp": "587", "smtps": "465"}[u.Scheme]
	switch {
	case !known, u.Hostname() == "", u.Path != "" && u.Path != "/", u.RawQuery != "", u.ForceQuery, u.Fragment != "", strings.HasSuffix(u.Host, ":"), strings.Contains(u.Host, "%"):
		return nil, wantedMailServer
	case u.Port() == "":
		u.Host += ":" + port
	}
	if n, err := strconv.ParseUint(u.Port(), 10, 16); err != nil || n == 0 {
		return nil, errors.New("has a port that is not between 1 and 65535")
	}
	if u.User == nil {
		return u, nil
	}
	password, _ := u.User.Password()
	switch control := func(r rune) bool { return r < ' ' || r == 0x7f }; {
	case u.User.Username() == "":
		return nil, errors.New("has a password without a user")
	case u.User.Username() == Hidden:
		return nil, errors.New("has " + Hidden + " where its login was hidden: give the login again")
	case strings.ContainsFunc(u.User.Username()+password, control):
		return nil, errors.New("has a control character in its login")
	}
	return u, nil
}

// String is the URL with *** in place of the login.
func (s MailServer) String() string { return hideLogin(string(s)) }

// Show is null where there is none.
func (s MailServer) Show() any {
	if s == "" {
		return nil
	}
	return s.String()
}

// Format writes what String does, for every verb.
func (s MailServer) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, s.String()) }

// MarshalJSON hides the login, so that no encoder writes more.
func (s MailServer) MarshalJSON() ([]byte, error) { return json.Marshal(s.String()) }

// LogValue hides the login.
func (s MailServer) LogValue() slog.Value { return slog.StringValue(s.String()) }
