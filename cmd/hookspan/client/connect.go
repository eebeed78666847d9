package client

import (
	"cmp"
	"errors"
	"io/fs"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/hookspan/hookspan/bridge/config"
	"github.com/hookspan/hookspan/cmd/hookspan/cli"
)

// Files that a server leaves in its data folder for commands on the same machine.
const (
	dataFolder  = "./hookspan-data"
	AddressFile = "admin-address" // the URL of the admin listener
	TokenFile   = "admin-token"   // mode 0600
)

// A Connection is the flags of the commands that talk to a server.
type Connection struct{ server, token string }

// Flags adds them to a command and to those below it.
func (c *Connection) Flags(cmd *cobra.Command) {
	cmd.PersistentFlags().StringVar(&c.server, "server", "", "URL of the admin listener (default HOOKSPAN_SERVER, else that of the place where the token is found)")
	cmd.PersistentFlags().StringVar(&c.token, "token", "", "bearer token (default HOOKSPAN_ADMIN_TOKEN; that of the data folder is sent to the address there alone)")
}

// A place is where a server's address and its token are found. They are taken from the same
// one, so that a token reaches nobody but the server that it is for.
type place struct{ server, token string }

// Open finds server and token: by flag or environment, else in the data folder.
func (c *Connection) Open(t *cli.Terminal) (*API, error) {
	given, err := c.given(t)
	if err != nil {
		return nil, err
	}
	at := given
	if given.server == "" || given.token == "" {
		folder, err := kept(cmp.Or(t.Variable("HOOKSPAN_DATA_DIR"), dataFolder))
		if err != nil {
			return nil, err
		}
		at = choose(given, folder, t)
	}
	if at.server == "" {
		return nil, cli.Usage("no server known: %s holds none; give --server or HOOKSPAN_SERVER", cmp.Or(t.Variable("HOOKSPAN_DATA_DIR"), dataFolder))
	}
	u, err := serverURL(at.server)
	if err != nil {
		return nil, err
	}
	return &API{Server: u, Token: at.token, HTTP: &http.Client{
		Transport:     transport(t, u),
		Timeout:       time.Minute,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

// Named reports whether a server was named, by flag or variable.
func (c *Connection) Named(t *cli.Terminal) bool {
	return cmp.Or(c.server, t.Variable("HOOKSPAN_SERVER")) != ""
}

// given is what flags and variables say.
func (c *Connection) given(t *cli.Terminal) (place, error) {
	p := place{server: cmp.Or(c.server, t.Variable("HOOKSPAN_SERVER")), token: cmp.Or(c.token, t.Variable("HOOKSPAN_ADMIN_TOKEN"))}
	if path := t.Variable("HOOKSPAN_ADMIN_TOKEN_FILE"); p.token == "" && path != "" {
		token, err := config.ReadSecret(path)
		if err != nil {
			return place{}, cli.Usage("HOOKSPAN_ADMIN_TOKEN_FILE: %w", err)
		}
		p.token = token
	}
	return p, nil
}

// kept is what a server has left in its data folder; nothing, where there is none.
func kept(folder string) (p place, err error) {
	for name, into := range map[string]*string{AddressFile: &p.server, TokenFile: &p.token} {
		*into, err = config.ReadSecret(filepath.Join(folder, name))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return place{}, cli.Usage("%w", err)
		}
	}
	return p, nil
}

// choose completes what was given. The folder's token goes to the folder's address alone, and
// a given token never to an address that a folder names.
func choose(given, folder place, t *cli.Terminal) place {
	switch {
	case given == place{}:
		return folder
	case given.server == "":
		return place{server: listens(t), token: given.token}
	case sameServer(given.server, folder.server):
		return place{server: given.server, token: folder.token}
	}
	return given
}

// listens is where a server with this environment has its admin listener.
func listens(t *cli.Terminal) string {
	address := cmp.Or(t.Variable("HOOKSPAN_ADMIN_LISTEN"), "127.0.0.1:8081")
	if strings.HasPrefix(address, ":") {
		address = "127.0.0.1" + address
	}
	if t.Variable("HOOKSPAN_ADMIN_TLS_CERT") != "" {
		return "https://" + cli.Reachable(address)
	}
	return "http://" + cli.Reachable(address)
}

func sameServer(a, b string) bool {
	u, err := serverURL(a)
	v, errB := serverURL(b)
	return err == nil && errB == nil && u.Scheme == v.Scheme && u.Host == v.Host
}

func serverURL(text string) (*url.URL, error) {
	if !strings.Contains(text, "://") {
		text = "http://" + text
	}
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.User != nil || (u.Scheme != "http" && u.Scheme != "https") {
		return nil, cli.Usage("--server: want a URL such as http://127.0.0.1:8081")
	}
	return u, nil
}
