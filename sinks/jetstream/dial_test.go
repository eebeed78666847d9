package jetstream_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/sinks/certtest"
	"github.com/hookspan/hookspan/sinks/jetstream"
	"github.com/hookspan/hookspan/sinks/jetstream/dial"
	"github.com/hookspan/hookspan/sinks/jetstream/natstest"
)

// A login is a server's idea of who may come in, a client that it takes and one that it does not.
type login struct {
	conf        natstest.Config
	right       dial.Options
	wrong       dial.Options
	says        string // what the error of the wrong one names
	mustNotTell string // a secret of the wrong one
}

func TestLogins(t *testing.T) {
	t.Parallel()
	for name, begin := range map[string]func(t *testing.T) login{
		"nobody": func(*testing.T) login {
			return login{
				conf:  natstest.Config{Auth: `authorization { token: "open sesame" }`},
				right: dial.Options{Token: "open sesame"},
				says:  "HOOKSPAN_NATS_CREDS, HOOKSPAN_NATS_NKEY_FILE, HOOKSPAN_NATS_TOKEN, or HOOKSPAN_NATS_USER",
			}
		},
		"token": func(*testing.T) login {
			return login{
				conf:  natstest.Config{Auth: `authorization { token: "open sesame" }`},
				right: dial.Options{Token: "open sesame"},
				wrong: dial.Options{Token: "open barley"}, says: "HOOKSPAN_NATS_TOKEN", mustNotTell: "open barley",
			}
		},
		"user": func(*testing.T) login {
			return login{
				conf:  natstest.Config{Auth: `authorization { user: ali, password: "open sesame" }`},
				right: dial.Options{User: "ali", Password: "open sesame"},
				wrong: dial.Options{User: "ali", Password: "open barley"}, says: "HOOKSPAN_NATS_PASSWORD", mustNotTell: "open barley",
			}
		},
		"nkey":               nkeyLogin,
		"credentials":        credentialsLogin,
		"client certificate": certificateLogin,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := begin(t)
			s := natstest.Start(t, 1, l.conf)
			var said lockedBuffer
			l.right.Servers, l.wrong.Servers = s.Addrs(), s.Addrs()
			l.right.Log = slog.New(slog.NewTextHandler(&said, nil))
			conns, err := dial.Open(t.Context(), l.right)
			if err != nil {
				t.Fatalf("the right ones: %v", err)
			}
			defer conns.Close()
			store, err := jetstream.Open(within(t), conns, jetstream.Options{Log: l.right.Log})
			if err != nil {
				t.Fatal(err)
			}
			defer store.Close()
			if _, err := store.Publish(within(t), "hookspan.events.shop", order("1"), bus.PublishOptions{}); err != nil {
				t.Errorf("publish: %v", err)
			}
			_, err = dial.Open(t.Context(), l.wrong)
			if err == nil || errors.Is(err, bus.ErrUnavailable) || !strings.Contains(err.Error(), l.says) {
				t.Errorf("the wrong ones: %v, want a final error that names %s", err, l.says)
			}
			if l.mustNotTell != "" && (strings.Contains(fmt.Sprint(err), l.mustNotTell) || strings.Contains(said.String(), l.mustNotTell)) {
				t.Errorf("a secret was told: %v\n%s", err, said.String())
			}
		})
	}
}

func nkeyLogin(t *testing.T) login {
	mine, other := newUser(t), newUser(t)
	return login{
		conf:  natstest.Config{Auth: fmt.Sprintf("authorization { users: [ { nkey: %s } ] }", mine.public)},
		right: dial.Options{NKeyFile: file(t, mine.seed)},
		wrong: dial.Options{NKeyFile: file(t, other.seed)}, says: "HOOKSPAN_NATS_NKEY_FILE", mustNotTell: string(other.seed),
	}
}

// A key is one of NATS's: its public half and its seed.
type key struct {
	pair   nkeys.KeyPair
	public string
	seed   []byte
}

func newKey(t *testing.T, create func() (nkeys.KeyPair, error)) key {
	t.Helper()
	pair, err := create()
	if err != nil {
		t.Fatal(err)
	}
	public, err := pair.PublicKey()
	if err != nil {
		t.Fatal(err)
	}
	seed, err := pair.Seed()
	if err != nil {
		t.Fatal(err)
	}
	return key{pair, public, seed}
}

func newUser(t *testing.T) key { return newKey(t, nkeys.CreateUser) }

func file(t *testing.T, content []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// An operator and what it has signed, as a server's configuration.
type operator struct {
	key     key
	account key
	conf    string
}

func newOperator(t *testing.T) *operator {
	t.Helper()
	o := &operator{key: newKey(t, nkeys.CreateOperator), account: newKey(t, nkeys.CreateAccount)}
	system := newKey(t, nkeys.CreateAccount)
	signed := func(account key, jetStream bool) string {
		claims := jwt.NewAccountClaims(account.public)
		if jetStream {
			claims.Limits.JetStreamLimits = jwt.JetStreamLimits{DiskStorage: -1, MemoryStorage: -1, Streams: -1, Consumer: -1}
		}
		text, err := claims.Encode(o.key.pair)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	claims := jwt.NewOperatorClaims(o.key.public)
	claims.SystemAccount = system.public
	text, err := claims.Encode(o.key.pair)
	if err != nil {
		t.Fatal(err)
	}
	o.conf = fmt.Sprintf("operator: %s\nresolver: MEMORY\nresolver_preload { %s: %s, %s: %s }\n",
		text, o.account.public, signed(o.account, true), system.public, signed(system, false))
	return o
}

// credentials are those of a new user, signed by an account.
func (o *operator) credentials(t *testing.T, account key) []byte {
	t.Helper()
	user := newUser(t)
	text, err := jwt.NewUserClaims(user.public).Encode(account.pair)
	if err != nil {
		t.Fatal(err)
	}
	creds, err := jwt.FormatUserConfig(text, user.seed)
	if err != nil {
		t.Fatal(err)
	}
	return creds
}

func credentialsLogin(t *testing.T) login {
	o := newOperator(t)
	other := o.credentials(t, newKey(t, nkeys.CreateAccount))
	return login{
		conf:  natstest.Config{Auth: o.conf},
		right: dial.Options{Creds: file(t, o.credentials(t, o.account))},
		wrong: dial.Options{Creds: file(t, other)}, says: "HOOKSPAN_NATS_CREDS",
		mustNotTell: strings.Split(string(other), "\n")[1],
	}
}

// issued are the files of a certificate for this machine, and of its key.
func issued(t *testing.T, by *certtest.Authority, name string) (certFile, keyFile string) {
	t.Helper()
	cert, key := certtest.PEM(t, by.Issue(t, name, "127.0.0.1"))
	return file(t, cert), file(t, key)
}

func certificateLogin(t *testing.T) login {
	a := certtest.New(t)
	ca := file(t, a.PEM())
	serverCert, serverKey := issued(t, a, "server")
	cert, keyFile := issued(t, a, "client")
	return login{
		conf:  natstest.Config{Extra: fmt.Sprintf("tls { cert_file: %q, key_file: %q, ca_file: %q, verify: true }", serverCert, serverKey, ca), Auth: " "},
		right: dial.Options{TLS: true, CA: ca, Cert: cert, KeyFile: keyFile},
		wrong: dial.Options{TLS: true, CA: ca}, says: "HOOKSPAN_BUS_CERT",
	}
}

func TestTLSThatDoesNotFit(t *testing.T) {
	t.Parallel()
	cert, keyFile := issued(t, certtest.New(t), "server")
	encrypted := natstest.Start(t, 1, natstest.Config{Extra: fmt.Sprintf("tls { cert_file: %q, key_file: %q }", cert, keyFile), Auth: " "})
	plain := natstest.Start(t, 1, natstest.Config{Auth: " "})
	for name, c := range map[string]struct {
		o    dial.Options
		says string
	}{
		"an unknown authority":  {dial.Options{Servers: encrypted.Addrs(), TLS: true}, "HOOKSPAN_BUS_CA"},
		"another authority":     {dial.Options{Servers: encrypted.Addrs(), CA: file(t, certtest.New(t).PEM())}, "HOOKSPAN_BUS_CA"},
		"a server without TLS":  {dial.Options{Servers: plain.Addrs(), TLS: true}, "nats://"},
		"no authority in it":    {dial.Options{Servers: encrypted.Addrs(), CA: file(t, []byte("none"))}, "HOOKSPAN_BUS_CA"},
		"an authority's file":   {dial.Options{Servers: encrypted.Addrs(), CA: "/nowhere/ca.pem"}, "HOOKSPAN_BUS_CA"},
		"a certificate's file":  {dial.Options{Servers: encrypted.Addrs(), Cert: "/nowhere/c.pem", KeyFile: "/nowhere/k.pem"}, "HOOKSPAN_BUS_CERT"},
		"a certificate, no key": {dial.Options{Servers: encrypted.Addrs(), Cert: cert}, "HOOKSPAN_BUS_KEY_FILE"},
		"credentials' file":     {dial.Options{Servers: plain.Addrs(), Creds: "/nowhere/a.creds"}, "HOOKSPAN_NATS_CREDS"},
		"credentials without":   {dial.Options{Servers: plain.Addrs(), Creds: file(t, []byte("nothing"))}, "HOOKSPAN_NATS_CREDS"},
		"a seed's file":         {dial.Options{Servers: plain.Addrs(), NKeyFile: file(t, []byte("SU nothing"))}, "HOOKSPAN_NATS_NKEY_FILE"},
		"two logins":            {dial.Options{Servers: plain.Addrs(), Token: "a", User: "b"}, "only one of"},
		"a password alone":      {dial.Options{Servers: plain.Addrs(), Password: "b"}, "HOOKSPAN_NATS_USER"},
		"no server":             {dial.Options{}, "HOOKSPAN_BUS"},
		"credentials in a URL":  {dial.Options{Servers: []string{"ali:sesame@127.0.0.1:4222"}}, "without credentials"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := dial.Open(t.Context(), c.o)
			if err == nil || errors.Is(err, bus.ErrUnavailable) || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "sesame") {
				t.Errorf("dial: %v, want a final error that names %s", err, c.says)
			}
		})
	}
}

func TestServersThatAreAwayMayComeBack(t *testing.T) {
	t.Parallel()
	s := natstest.Start(t, 1, natstest.Config{Auth: " "})
	s.Stop(0)
	if _, err := dial.Open(t.Context(), dial.Options{Servers: s.Addrs()}); !errors.Is(err, bus.ErrUnavailable) || !strings.Contains(err.Error(), s.Addr(0)) {
		t.Errorf("dial: %v, want ErrUnavailable", err)
	}
	s.Restart(0)
	s.Await(0)
	conns, err := dial.Open(t.Context(), dial.Options{Servers: s.Addrs()})
	if err != nil {
		t.Fatal(err)
	}
	conns.Close()
}

// The file is read at every connection: what is revoked while the server is away is renewed
// without a restart of ours.
func TestCredentialsAreReadAgain(t *testing.T) {
	t.Parallel()
	o := newOperator(t)
	s := natstest.Start(t, 1, natstest.Config{Auth: o.conf})
	creds := file(t, o.credentials(t, o.account))
	conns, err := dial.Open(t.Context(), dial.Options{Servers: s.Addrs(), Creds: creds})
	if err != nil {
		t.Fatal(err)
	}
	defer conns.Close()
	s.Stop(0)
	if err := os.WriteFile(creds, o.credentials(t, newKey(t, nkeys.CreateAccount)), 0o600); err != nil {
		t.Fatal(err)
	}
	refused := make(chan struct{})
	var once sync.Once
	conns.Events.SetErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
		if strings.Contains(strings.ToLower(err.Error()), "authorization") {
			once.Do(func() { close(refused) })
		}
	})
	s.Restart(0)
	s.Await(0)
	select {
	case <-refused:
	case <-within(t).Done():
		t.Fatal("the server took credentials of an account that it does not know")
	}
	if err := os.WriteFile(creds, o.credentials(t, o.account), 0o600); err != nil {
		t.Fatal(err)
	}
	eventually(t, "connected again", conns.Events.IsConnected)
}

// lockedBuffer is a log that may be read while it is written.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}
