package client

import (
	"bytes"
	"crypto/tls"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"

	"github.com/hookspan/hookspan/cmd/hookspan/cli"
)

// transport is that of a client of the server at u. A server on this machine whose environment is
// the command's proves itself by the very certificate that is named there: the names in it are for
// those who come from elsewhere, and whoever signed it need not be known here.
func transport(t *cli.Terminal, u *url.URL) http.RoundTripper {
	path := t.Variable("HOOKSPAN_ADMIN_TLS_CERT")
	if path == "" || u.Scheme != "https" || !here(u.Hostname()) {
		return nil // the default
	}
	own := http.DefaultTransport.(*http.Transport).Clone()
	own.TLSClientConfig = &tls.Config{
		InsecureSkipVerify: true, // VerifyConnection asks for more than a chain would prove
		VerifyConnection:   func(c tls.ConnectionState) error { return same(c, path) },
	}
	return own
}

// here reports whether a host is this machine whatever the network says.
func here(host string) bool {
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// same holds a connection against the certificate in a file, as it is by now.
func same(c tls.ConnectionState, path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("HOOKSPAN_ADMIN_TLS_CERT: %w", err)
	}
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		if block.Type == "CERTIFICATE" {
			if len(c.PeerCertificates) > 0 && bytes.Equal(c.PeerCertificates[0].Raw, block.Bytes) {
				return nil
			}
			break
		}
	}
	return errors.New("the server has another certificate than HOOKSPAN_ADMIN_TLS_CERT names")
}
