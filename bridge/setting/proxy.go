package setting

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/url"
	"strconv"
	"strings"
)

// A Proxy stands between us and others: its URL, which may hold a login, or NoProxy; the zero value
// says nothing. It prints without the login whatever formats it.
type Proxy string

// NoProxy goes straight.
const NoProxy Proxy = "none"

const (
	maxProxy    = 2048 // bytes of the URL
	maxSOCKS    = 255  // bytes of a user and of a password (RFC 1929)
	wantedProxy = Wanted("none, or the URL of a proxy: http://, https:// or socks5://, maybe with user:password@, and nothing behind its port")
)

// Open returns the URL itself; see Secret.Open.
func (p Proxy) Open() string { return string(p) }

// IsZero reports that nothing was said.
func (p Proxy) IsZero() bool { return p == "" }

// Clear reports whether its login can be heard beyond this machine: HTTP's and that of SOCKS (RFC 1929)
// are sent as they are.
func (p Proxy) Clear() bool {
	if p == "" || p == NoProxy {
		return false
	}
	u, err := ReadProxy(p.Open())
	return err == nil && u.User != nil && u.Scheme != "https" && u.Hostname() != "localhost" && !net.ParseIP(u.Hostname()).IsLoopback()
}

// Parse takes what ReadProxy does, none, and nothing at all.
func (p *Proxy) Parse(text string) error {
	*p = Proxy(strings.TrimSpace(text))
	return p.wrong()
}

// OfKind is KindLogin.
func (Proxy) OfKind() Kind { return KindLogin }

// Check holds it to what Parse takes.
func (p Proxy) Check() []Fault {
	if err := p.wrong(); err != nil {
		return []Fault{{"", err.Error()}}
	}
	return nil
}

func (p Proxy) wrong() error {
	if p == "" || p == NoProxy {
		return nil
	}
	_, err := ReadProxy(p.Open())
	return err
}

// ReadProxy reads the URL of a proxy; its port is always there. Errors never repeat the text.
func ReadProxy(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	if err != nil || len(text) > maxProxy || strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r >= 0x7f || r == '\\' }) {
		return nil, wantedProxy
	}
	port, known := map[string]string{"http": "80", "https": "443", "socks5": "1080"}[u.Scheme]
	switch {
	case u.Scheme == "socks5h":
		return nil, errors.New("write socks5://; whether the proxy resolves names says HOOKSPAN_EGRESS_PROXY_RESOLVES")
	case !known, u.Hostname() == "", u.Path != "" && u.Path != "/", u.RawQuery != "", u.ForceQuery, u.Fragment != "", strings.HasSuffix(u.Host, ":"), strings.Contains(u.Host, "%"):
		return nil, wantedProxy
	case u.Port() == "":
		u.Host += ":" + port
	}
	if n, err := strconv.ParseUint(u.Port(), 10, 16); err != nil || n == 0 {
		return nil, errors.New("has a port that is not between 1 and 65535")
	}
	return u, wrongLogin(u)
}

func wrongLogin(u *url.URL) error {
	if u.User == nil {
		return nil
	}
	user := u.User.Username()
	password, _ := u.User.Password()
	switch control := func(r rune) bool { return r < ' ' || r == 0x7f }; {
	case user == Hidden:
		return errors.New("has " + Hidden + " where its login was hidden: give the login again, or leave the setting as it is")
	case user == "":
		return errors.New("has a password without a user")
	case strings.ContainsFunc(user+password, control):
		return errors.New("has a control character in its login")
	case u.Scheme != "socks5" && strings.Contains(user, ":"):
		return errors.New("has a colon in its user, which HTTP does not allow")
	case u.Scheme == "socks5" && (len(user) > maxSOCKS || len(password) > maxSOCKS || password == ""):
		return fmt.Errorf("has a login that SOCKS does not allow: user and password have 1 to %d bytes each", maxSOCKS)
	}
	return nil
}

// String is the URL with *** in place of the login.
func (p Proxy) String() string { return hideLogin(string(p)) }

// hideLogin is a URL with *** in place of the login.
func hideLogin(text string) string {
	_, rest, login := strings.Cut(text, "@")
	if !login {
		return text
	}
	scheme, _, _ := strings.Cut(text, "://")
	return scheme + "://" + Hidden + "@" + rest[strings.LastIndexByte(rest, '@')+1:]
}

// Show is null where nothing was said.
func (p Proxy) Show() any {
	if p == "" {
		return nil
	}
	return p.String()
}

// Format writes what String does, for every verb.
func (p Proxy) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, p.String()) }

// MarshalJSON hides the login, so that no encoder writes more.
func (p Proxy) MarshalJSON() ([]byte, error) { return json.Marshal(p.String()) }

// LogValue hides the login.
func (p Proxy) LogValue() slog.Value { return slog.StringValue(p.String()) }
