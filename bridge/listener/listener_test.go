package listener_test

import (
	"crypto/tls"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/hookspan/hookspan/bridge/listener"
	"github.com/hookspan/hookspan/sinks/certtest"
)

// writeCertificate makes a certificate, writes both files and returns its serial number.
func writeCertificate(t *testing.T, certFile, keyFile string, at time.Time) *big.Int {
	t.Helper()
	issued := certtest.New(t).Issue(t, "localhost")
	cert, key := certtest.PEM(t, issued)
	write(t, certFile, cert, at)
	write(t, keyFile, key, at)
	return issued.Leaf.SerialNumber
}

// write sets the time too, so that a change shows on a file system with coarse times.
func write(t *testing.T, name string, content []byte, at time.Time) {
	t.Helper()
	if err := os.WriteFile(name, content, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(name, at, at); err != nil {
		t.Fatal(err)
	}
}

func TestCertificateIsReadAgainWhenItChanges(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	certFile, keyFile := filepath.Join(dir, "tls.crt"), filepath.Join(dir, "tls.key")
	now := time.Now().Add(-time.Hour)
	first := writeCertificate(t, certFile, keyFile, now)
	server, err := listener.Server(listener.Options{
		CertFile: certFile, KeyFile: keyFile, Log: slog.New(slog.DiscardHandler),
		Handler: http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) { _, _ = io.WriteString(w, q.Proto) }),
	})
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = server.ServeTLS(l, "", "") }()
	t.Cleanup(func() { _ = server.Close() })

	serial := func() *big.Int {
		conn, err := tls.Dial("tcp", l.Addr().String(), &tls.Config{InsecureSkipVerify: true})
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		return conn.ConnectionState().PeerCertificates[0].SerialNumber
	}
	// until asks as often as it takes: the files are looked at once a second.
	until := func(want *big.Int) {
		deadline := time.Now().Add(60 * time.Second)
		for serial().Cmp(want) != 0 {
			if time.Now().After(deadline) {
				t.Fatalf("the certificate is %v, want %v", serial(), want)
			}
		}
	}
	until(first)
	second := writeCertificate(t, certFile, keyFile, now.Add(time.Minute))
	until(second)
	write(t, certFile, []byte("no certificate"), now.Add(2*time.Minute))
	until(second) // a bad one is refused, the former stays
	until(writeCertificate(t, certFile, keyFile, now.Add(3*time.Minute)))

	client := http.Client{Transport: &http.Transport{
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, ForceAttemptHTTP2: true,
	}}
	resp, err := client.Get("https://" + l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.ProtoMajor != 2 {
		t.Errorf("spoke %s", resp.Proto)
	}
}

func TestServerNamesTheFileThatIsMissing(t *testing.T) {
	t.Parallel()
	missing := filepath.Join(t.TempDir(), "tls.crt")
	if _, err := listener.Server(listener.Options{CertFile: missing, KeyFile: missing, Log: slog.New(slog.DiscardHandler)}); err == nil {
		t.Error("no error")
	}
	s, err := listener.Server(listener.Options{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	if s.ReadHeaderTimeout <= 0 || s.ReadTimeout <= 0 || s.WriteTimeout <= 0 || s.IdleTimeout <= 0 || s.MaxHeaderBytes != 16<<10 {
		t.Errorf("a limit is not set: %+v", s)
	}
}
