package adapter

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"log/slog"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hookspan/hookspan/bridge/config"
)

// certify writes a certificate that vouches for itself, and its key.
func certify(t *testing.T, dir string, serial int64) config.BusTLS {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(serial), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"bus"},
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	files := config.BusTLS{CA: filepath.Join(dir, "ca.pem"), Cert: filepath.Join(dir, "cert.pem"), KeyFile: filepath.Join(dir, "key.pem")}
	for path, block := range map[string]*pem.Block{
		files.CA: {Type: "CERTIFICATE", Bytes: cert}, files.Cert: {Type: "CERTIFICATE", Bytes: cert}, files.KeyFile: {Type: "PRIVATE KEY", Bytes: private},
	} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return files
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
	dir := t.TempDir()
	ours, err := routesTLS(certify(t, dir, 1))
	if err != nil {
		t.Fatal(err)
	}
	if shown, err := shake(t, ours, ours); err != nil || shown != 2 {
		t.Fatalf("%v; %d certificates were shown, want one by each side", err, shown)
	}
	theirs, err := routesTLS(certify(t, t.TempDir(), 2))
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
	files := certify(t, dir, 1)
	client, err := busTLS(files)
	if err != nil {
		t.Fatal(err)
	}
	certify(t, dir, 2)
	shown, err := client.GetClientCertificate(nil)
	if err != nil || shown.Leaf.SerialNumber.Int64() != 2 {
		t.Errorf("shows %v (%v), want the renewed certificate", shown, err)
	}
}

func TestFilesOfTLSThatDoNotServeAreNamed(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	good := certify(t, dir, 1)
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
	files := certify(t, dir, 1)
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
