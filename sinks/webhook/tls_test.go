package webhook_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/hookspan/hookspan/bridge/delivery"
	"github.com/hookspan/hookspan/sinks/webhook"
)

// certificate is self-signed, and its own authority.
func certificate(t *testing.T, name string, expires time.Time) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: expires.Add(-time.Hour), NotAfter: expires,
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	if ip := net.ParseIP(name); ip != nil {
		template.IPAddresses = []net.IP{ip}
	} else {
		template.DNSNames = []string{name}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(cert)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pool
}

func TestTLS(t *testing.T) {
	t.Parallel()
	soon := time.Now().Add(time.Hour)
	good, roots := certificate(t, "127.0.0.1", soon)
	other, otherRoots := certificate(t, "other.example", soon)
	old, oldRoots := certificate(t, "127.0.0.1", time.Now().Add(-time.Hour))
	for _, c := range []struct {
		name   string
		conf   *tls.Config
		roots  *x509.CertPool
		reason delivery.Reason
		detail string
	}{
		{"good", &tls.Config{Certificates: []tls.Certificate{good}}, roots, "", ""},
		{"TLS 1.2", &tls.Config{Certificates: []tls.Certificate{good}, MaxVersion: tls.VersionTLS12}, roots, "", ""},
		{"TLS 1.1", &tls.Config{Certificates: []tls.Certificate{good}, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}, roots, delivery.ReasonTLS, ""},
		{"unknown authority", &tls.Config{Certificates: []tls.Certificate{good}}, otherRoots, delivery.ReasonTLS, "the certificate is signed by an unknown authority"},
		{"another host", &tls.Config{Certificates: []tls.Certificate{other}}, otherRoots, delivery.ReasonTLS, "the certificate is for another host"},
		{"expired", &tls.Config{Certificates: []tls.Certificate{old}}, oldRoots, delivery.ReasonTLS, "the certificate has expired or is not valid yet"},
		{"wants a client certificate", &tls.Config{Certificates: []tls.Certificate{good}, ClientAuth: tls.RequireAnyClientCert}, roots, delivery.ReasonTLS, ""},
		{"wants one, TLS 1.2", &tls.Config{Certificates: []tls.Certificate{good}, ClientAuth: tls.RequireAnyClientCert, MaxVersion: tls.VersionTLS12}, roots, delivery.ReasonTLS, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			l, err := tls.Listen("tcp", "127.0.0.1:0", c.conf)
			if err != nil {
				t.Fatal(err)
			}
			server := &http.Server{
				Handler:  http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}),
				ErrorLog: log.New(io.Discard, "", 0),
			}
			go server.Serve(l)
			defer server.Close()
			s := webhook.New(webhook.Options{Egress: loopback(), RootCAs: c.roots})
			defer s.Close()
			res := post(s, t.Context(), "https://"+l.Addr().String()+"/", 20*time.Second)
			if res.Reason != c.reason || c.detail != "" && res.Detail != c.detail {
				t.Errorf("got %+v", res)
			}
		})
	}
}

func TestNoTLS(t *testing.T) {
	t.Parallel()
	for name, serve := range map[string]func(net.Conn){
		"plain http": answer("HTTP/1.1 200 OK\r\n\r\n"),
		"closes":     func(net.Conn) {},
		"noise":      func(c net.Conn) { io.WriteString(c, "220 smtp ready\r\n"); hold(c) },
	} {
		port := listen(t, "127.0.0.1:0", serve)
		if res := post(sender(t), t.Context(), "https://127.0.0.1:"+port+"/", 20*time.Second); res.Reason != delivery.ReasonTLS {
			t.Errorf("%s: %+v", name, res)
		}
	}
}

func TestHTTP2(t *testing.T) {
	t.Parallel()
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, r.Proto)
	}))
	server.EnableHTTP2 = true
	server.StartTLS()
	defer server.Close()
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	s := webhook.New(webhook.Options{Egress: loopback(), RootCAs: roots})
	defer s.Close()
	for range 3 {
		if res := post(s, t.Context(), server.URL, 20*time.Second); res.Body != "HTTP/2.0" || res.Reason != "" {
			t.Errorf("got %+v", res)
		}
	}
}
