package adapter

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hookspan/hookspan/bridge/config"
	"github.com/hookspan/hookspan/sinks/certtest"
)

// certify writes a certificate of an authority of its own, its key and that authority.
func certify(t *testing.T, dir string) (files config.BusTLS, cert *x509.Certificate) {
	t.Helper()
	files = config.BusTLS{CA: filepath.Join(dir, "ca.pem"), Cert: filepath.Join(dir, "cert.pem"), KeyFile: filepath.Join(dir, "key.pem")}
	authority := certtest.New(t)
	issued := authority.Issue(t, "bus")
	certtest.Write(t, issued, files.Cert, files.KeyFile)
	if err := os.WriteFile(files.CA, authority.PEM(), 0o600); err != nil {
		t.Fatal(err)
	}
	return files, issued.Leaf
}

// shake makes a connection between two sides and returns what each says of it, and how many
// certificates they were shown.
func shake(t *testing.T, server, client *tls.Config) (shown int, err error) {
	t.Helper()
	l, err := tls.Listen("tcp", "127.0.0.1:0", server)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	accepted := make(chan error, 1) // the server's side sends once
	go func() {
		c, err := l.Accept()
		if err == nil {
			conn := c.(*tls.Conn)
			err = conn.HandshakeContext(t.Context())
			shown += len(conn.ConnectionState().PeerCertificates)
			err = errors.Join(err, c.Close())
		}
		accepted <- err
	}()
	client = client.Clone()
	client.ServerName = "bus"
	c, err := tls.Dial("tcp", l.Addr().String(), client)
	if err == nil {
		defer func() { _ = c.Close() }()
	}
	err = errors.Join(err, <-accepted)
	if c != nil {
		shown += len(c.ConnectionState().PeerCertificates)
	}
	return shown, err
}

func TestMembersProveThemselvesToEachOther(t *testing.T) {
	t.Parallel()
	members, _ := certify(t, t.TempDir())
	ours, err := routesTLS(members)
	if err != nil {
		t.Fatal(err)
	}
	if shown, err := shake(t, ours, ours); err != nil || shown != 2 {
		t.Fatalf("%v; %d certificates were shown, want one by each side", err, shown)
	}
	others, _ := certify(t, t.TempDir())
	theirs, err := routesTLS(others)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := shake(t, ours, theirs); err == nil {
		t.Error("a member of another authority was let in")
	}
}

func TestClientCertificateIsReadAgain(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	files, _ := certify(t, dir)
	client, err := busTLS(files)
	if err != nil {
		t.Fatal(err)
	}
	_, renewed := certify(t, dir)
	shown, err := client.GetClientCertificate(nil)
	if err != nil || !shown.Leaf.Equal(renewed) {
		t.Errorf("shows %v (%v), want the renewed certificate", shown, err)
	}
}

func TestFilesOfTLSThatDoNotServeAreNamed(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	good, _ := certify(t, dir)
	empty := filepath.Join(dir, "empty")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for want, c := range map[string]config.BusTLS{
		"HOOKSPAN_BUS_CA): open ":                             {CA: filepath.Join(dir, "none")},
		"empty holds no certificate":                          {CA: empty},
		"HOOKSPAN_BUS_CERT, HOOKSPAN_BUS_KEY_FILE): open ":    {Cert: good.Cert, KeyFile: filepath.Join(dir, "none")},
		"HOOKSPAN_BUS_CERT, HOOKSPAN_BUS_KEY_FILE): tls: fai": {Cert: empty, KeyFile: good.KeyFile},
	} {
		if _, err := busTLS(c); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

// The files are those of clients, read again when they change, and named when they do not serve.
func TestCertificateOfNATSClients(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	files, _ := certify(t, dir)
	conf := &config.Config{Embedded: config.Embedded{Listen: "127.0.0.1:0"}, EmbeddedTLS: config.TLS{Cert: files.Cert, KeyFile: files.KeyFile}}
	b := &embeddedBus{conf: conf, log: slog.New(slog.DiscardHandler)}
	o, err := b.options()
	if err != nil {
		t.Fatal(err)
	}
	if shown, err := shake(t, o.TLS, &tls.Config{InsecureSkipVerify: true}); err != nil || shown != 1 {
		t.Errorf("%d certificates were shown, %v", shown, err)
	}
	conf.EmbeddedTLS.KeyFile = filepath.Join(dir, "none")
	if _, err := b.options(); err == nil || !strings.Contains(err.Error(), "HOOKSPAN_EMBEDDED_TLS_KEY_FILE") {
		t.Errorf("without a key: %v", err)
	}
}
