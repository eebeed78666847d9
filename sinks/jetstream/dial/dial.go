package dial

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/sinks/jetstream"
)

const (
	// reconnectWait is how long a server that refused is left alone, with as much jitter again.
	reconnectWait  = 250 * time.Millisecond
	publishTimeout = 5 * time.Second // default
	// connectTimeout bounds one attempt to connect to one server.
	connectTimeout = 2 * time.Second
	// A connection that is silent is given up after two pings without an answer.
	pingEvery   = 2 * time.Second
	pingsMissed = 2
)

// Options say where NATS servers are and who we are there. Servers is required; of Creds,
// NKeyFile, Token and User at most one is given. Files are read again whenever a connection
// is made, so that they may be renewed, except which key is in NKeyFile.
type Options struct {
	Servers []string // host:port

	TLS     bool   // refuse servers that do not speak TLS
	CA      string // file of certificates, PEM; default those of the system
	Cert    string // client certificate, PEM, with its KeyFile
	KeyFile string

	Creds          string // credentials file: a user's JWT and seed
	NKeyFile       string // file with a user's seed
	Token          string
	User, Password string

	PublishTimeout time.Duration // the Store's; default 5s
	Log            *slog.Logger  // default: none
}

// Validate reports the first option that cannot work and the setting that it comes from.
func (o *Options) Validate() error {
	given := 0
	for _, login := range []string{o.Creds, o.NKeyFile, o.Token, o.User} {
		if login != "" {
			given++
		}
	}
	switch {
	case len(o.Servers) == 0:
		return errors.New("connect to NATS: no server is named: set HOOKSPAN_BUS to nats://host:4222")
	case given > 1:
		return errors.New("connect to NATS: set only one of HOOKSPAN_NATS_CREDS, HOOKSPAN_NATS_NKEY_FILE, HOOKSPAN_NATS_TOKEN and HOOKSPAN_NATS_USER")
	case o.User == "" && o.Password != "":
		return errors.New("connect to NATS: HOOKSPAN_NATS_PASSWORD is set without HOOKSPAN_NATS_USER")
	case (o.Cert == "") != (o.KeyFile == ""):
		return errors.New("connect to NATS: HOOKSPAN_BUS_CERT and HOOKSPAN_BUS_KEY_FILE belong together: set both or none")
	}
	for _, server := range o.Servers {
		if _, _, err := net.SplitHostPort(server); err != nil || strings.Contains(server, "@") {
			return errors.New("connect to NATS: HOOKSPAN_BUS: every server has to be host:port, without credentials")
		}
	}
	return nil
}

// Check is what Open would refuse before it connects: options and the files that they name.
func (o *Options) Check() error {
	if err := o.Validate(); err != nil {
		return err
	}
	checked := *o
	checked.Log = slog.New(slog.DiscardHandler)
	if _, err := checked.options(); err != nil {
		return fmt.Errorf("connect to NATS: %w", err)
	}
	return nil
}

// Open makes the connections that a Store works on. They reconnect for ever, and buffer nothing
// meanwhile. When no server can be reached the error is bus.ErrUnavailable, and Open may be
// called again; any other error is one that waiting does not mend, and names the setting.
// The caller must Close the connections.
func Open(ctx context.Context, o Options) (_ jetstream.Conns, err error) {
	if err := o.Validate(); err != nil {
		return jetstream.Conns{}, err
	}
	if o.PublishTimeout == 0 {
		o.PublishTimeout = publishTimeout
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	options, err := o.options()
	if err != nil {
		return jetstream.Conns{}, fmt.Errorf("connect to NATS: %w", err)
	}
	var c jetstream.Conns
	defer func() {
		if err != nil {
			c.Close()
		}
	}()
	for _, one := range []struct {
		name string
		into **nats.Conn
	}{{"hookspan publish", &c.Events}, {"hookspan read", &c.Read}} {
		if *one.into, err = o.connect(ctx, append(options, nats.Name(one.name))); err != nil {
			return jetstream.Conns{}, fmt.Errorf("connect to NATS: %w", err)
		}
	}
	return c, nil
}

// connect gives up when ctx ends; the client itself would go on to wait for a server that took
// the connection and says nothing.
func (o *Options) connect(ctx context.Context, options []nats.Option) (*nats.Conn, error) {
	type connected struct {
		nc  *nats.Conn
		err error
	}
	came := make(chan connected, 1) // the goroutine sends, once
	go func() {
		nc, err := nats.Connect(o.url(), options...)
		came <- connected{nc, err}
	}()
	select {
	case c := <-came:
		if c.err != nil {
			return nil, o.refused(c.err)
		}
		return c.nc, nil
	case <-ctx.Done():
		go func() {
			if late := <-came; late.nc != nil {
				late.nc.Close()
			}
		}()
		return nil, context.Cause(ctx)
	}
}

func (o *Options) url() string {
	scheme := "nats://"
	if o.TLS {
		scheme = "tls://"
	}
	return scheme + strings.Join(o.Servers, ","+scheme)
}

func (o *Options) options() ([]nats.Option, error) {
	log := o.Log
	list := []nats.Option{
		nats.Timeout(connectTimeout), nats.MaxReconnects(-1),
		nats.ReconnectWait(reconnectWait), nats.ReconnectJitter(reconnectWait, reconnectWait),
		nats.ReconnectBufSize(-1), nats.NoCallbacksAfterClientClose(),
		nats.PingInterval(pingEvery), nats.MaxPingsOutstanding(pingsMissed),
		// A write that the network does not take holds up every publish behind it.
		nats.FlusherTimeout(o.PublishTimeout / 2), nats.ReconnectOnFlusherError(),
		// Credentials that were refused may have been renewed by the next time.
		nats.IgnoreAuthErrorAbort(),
		nats.ErrorHandler(complaints(log)),
		nats.DisconnectErrHandler(func(nc *nats.Conn, err error) {
			log.Warn("connection to NATS lost", "connection", nc.Opts.Name, "error", err)
		}),
		nats.ReconnectHandler(func(nc *nats.Conn) {
			log.Info("connected to NATS again", "connection", nc.Opts.Name, "server", nc.ConnectedServerName())
		}),
	}
	if o.TLS {
		list = append(list, nats.Secure())
	}
	if o.CA != "" {
		if err := authorities(o.CA); err != nil {
			return nil, err
		}
		list = append(list, nats.RootCAs(o.CA))
	}
	if o.Cert != "" {
		if _, err := tls.LoadX509KeyPair(o.Cert, o.KeyFile); err != nil {
			return nil, fmt.Errorf("read the client certificate of HOOKSPAN_BUS_CERT and HOOKSPAN_BUS_KEY_FILE: %w", err)
		}
		list = append(list, nats.ClientCert(o.Cert, o.KeyFile))
	}
	login, err := o.login()
	return append(list, login...), err
}

// login is how the servers are told who we are. Its files must be there and readable at the
// first time.
func (o *Options) login() ([]nats.Option, error) {
	switch {
	case o.Creds != "":
		text, err := os.ReadFile(o.Creds)
		if err != nil {
			return nil, fmt.Errorf("read the file of HOOKSPAN_NATS_CREDS: %w", err)
		}
		if _, err := nkeys.ParseDecoratedUserNKey(text); err != nil {
			return nil, fmt.Errorf("the file of HOOKSPAN_NATS_CREDS, %s, holds no user's credentials: nsc generate creds writes one", o.Creds)
		}
		return []nats.Option{nats.UserCredentials(o.Creds)}, nil
	case o.NKeyFile != "":
		seed, err := nats.NkeyOptionFromSeed(o.NKeyFile)
		if err != nil {
			return nil, fmt.Errorf("read the seed in the file of HOOKSPAN_NATS_NKEY_FILE, %s: it has to hold a user's seed: nk -gen user writes one", o.NKeyFile)
		}
		return []nats.Option{seed}, nil
	case o.Token != "":
		return []nats.Option{nats.Token(o.Token)}, nil
	case o.User != "":
		return []nats.Option{nats.UserInfo(o.User, o.Password)}, nil
	}
	return nil, nil
}

// authorities says what the client would, time and again, when it connects.
func authorities(file string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("read the file of HOOKSPAN_BUS_CA: %w", err)
	}
	if !x509.NewCertPool().AppendCertsFromPEM(text) {
		return fmt.Errorf("the file of HOOKSPAN_BUS_CA, %s, holds no certificate in PEM", file)
	}
	return nil
}

// refused says what to do about servers that did not take us. What may pass by itself is
// bus.ErrUnavailable.
func (o *Options) refused(err error) error {
	var certificate *tls.CertificateVerificationError
	var network *net.OpError
	switch {
	case errors.Is(err, nats.ErrAuthorization), errors.Is(err, nats.ErrAuthExpired), errors.Is(err, nats.ErrAuthRevoked),
		errors.Is(err, nats.ErrAccountAuthExpired), errors.Is(err, nats.ErrNkeysNotSupported):
		return fmt.Errorf("%w: the server does not take %s", err, o.presented())
	case errors.As(err, &certificate):
		return fmt.Errorf("%w: name the certificates that the servers' own come from with HOOKSPAN_BUS_CA", err)
	case errors.As(err, &network) && network.Op == "remote error", errors.Is(err, nats.ErrTLS) && o.Cert == "":
		return fmt.Errorf("%w: the server does not take our side of TLS: look at HOOKSPAN_BUS_CERT and HOOKSPAN_BUS_KEY_FILE", err)
	case errors.Is(err, nats.ErrSecureConnWanted):
		return fmt.Errorf("%w: the server speaks no TLS: begin HOOKSPAN_BUS with nats:// to do without", err)
	case errors.Is(err, nats.ErrSecureConnRequired):
		return fmt.Errorf("%w: begin HOOKSPAN_BUS with tls://", err)
	}
	return fmt.Errorf("%w: %s: %w", bus.ErrUnavailable, strings.Join(o.Servers, ", "), err)
}

// presented names the setting that the login comes from.
func (o *Options) presented() string {
	switch {
	case o.Creds != "":
		return "the credentials in the file of HOOKSPAN_NATS_CREDS"
	case o.NKeyFile != "":
		return "the key in the file of HOOKSPAN_NATS_NKEY_FILE"
	case o.Token != "":
		return "the token of HOOKSPAN_NATS_TOKEN"
	case o.User != "":
		return "the user of HOOKSPAN_NATS_USER with the password of HOOKSPAN_NATS_PASSWORD"
	case o.Cert != "":
		return "the client certificate of HOOKSPAN_BUS_CERT"
	}
	return "clients without credentials: set HOOKSPAN_NATS_CREDS, HOOKSPAN_NATS_NKEY_FILE, HOOKSPAN_NATS_TOKEN, or HOOKSPAN_NATS_USER and HOOKSPAN_NATS_PASSWORD"
}
