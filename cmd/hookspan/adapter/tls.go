package adapter

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"

	"github.com/hookspan/hookspan/bridge/config"
)

// busTLS is how connections to the bus are encrypted and who is believed there. The client
// certificate is read again for each connection, so that it may be renewed; the authorities are
// read once.
func busTLS(c config.BusTLS) (*tls.Config, error) {
	t := &tls.Config{MinVersion: tls.VersionTLS12}
	if c.CA != "" {
		text, err := os.ReadFile(c.CA)
		if err != nil {
			return nil, fmt.Errorf("read the authorities (HOOKSPAN_BUS_CA): %w", err)
		}
		t.RootCAs = x509.NewCertPool()
		if !t.RootCAs.AppendCertsFromPEM(text) {
			return nil, fmt.Errorf("read the authorities (HOOKSPAN_BUS_CA): %s holds no certificate in PEM", c.CA)
		}
	}
	if c.Cert == "" {
		return t, nil
	}
	load := func() (*tls.Certificate, error) {
		pair, err := tls.LoadX509KeyPair(c.Cert, c.KeyFile)
		if err != nil {
			return nil, fmt.Errorf("read the certificate (HOOKSPAN_BUS_CERT, HOOKSPAN_BUS_KEY_FILE): %w", err)
		}
		return &pair, nil
	}
	if _, err := load(); err != nil {
		return nil, err
	}
	t.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return load() }
	return t, nil
}

// routesTLS is that of the members of a cluster, each of which is server and client of the
// others.
func routesTLS(c config.BusTLS) (*tls.Config, error) {
	t, err := busTLS(c)
	if err != nil {
		return nil, err
	}
	t.ClientCAs, t.ClientAuth = t.RootCAs, tls.RequireAndVerifyClientCert
	own := t.GetClientCertificate
	t.GetCertificate = func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return own(nil) }
	return t, nil
}
