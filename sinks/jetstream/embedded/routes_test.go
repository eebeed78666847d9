package embedded_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"net"
	"testing"
	"time"

	"github.com/hookspan/hookspan/sinks/jetstream/embedded"
)

// routesTLS is a certificate of 127.0.0.1 that only who has it can show, and trusts.
func routesTLS(t *testing.T) *tls.Config {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	self := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, self, self, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	trusted := x509.NewCertPool()
	trusted.AddCert(cert)
	return &tls.Config{
		Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}},
		RootCAs:      trusted, ClientCAs: trusted, ClientAuth: tls.RequireAndVerifyClientCert, MinVersion: tls.VersionTLS13,
	}
}

func TestRoutesWithTLS(t *testing.T) {
	t.Parallel()
	three := newTrio(t)
	three[0].RoutesTLS = routesTLS(t)
	three[1].RoutesTLS = three[0].RoutesTLS
	three[2].RoutesTLS = routesTLS(t) // of somebody else
	servers := all(t, func(i int) *embedded.Server { return start(t, three[i]) })
	waitFor(t, func() bool { st, _ := servers[0].Standing(); return len(st.Here) == 2 })
	if st, _ := servers[2].Standing(); len(st.Here) != 1 {
		t.Errorf("the one with another certificate sees %v", st.Here)
	}
}
