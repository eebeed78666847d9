package endpoint_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/hookspan/hookspan/bridge/endpoint"
)

// clientPEM is a certificate and its key.
func clientPEM(t *testing.T, name string) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	text, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})), string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: text}))
}

func object(t *testing.T, members any) string {
	t.Helper()
	text, err := json.Marshal(members)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestTLSIsMergedAndNotShown(t *testing.T) {
	t.Parallel()
	cert, key := clientPEM(t, "canary")
	e := endpoint.Default()
	for _, c := range []struct{ patch, shown string }{
		{object(t, map[string]string{"cert": cert, "key": key}), `{"cert":"***","key":"***"}`},
		{`{"cert":"***","key":"***","server_name":"canary.example"}`, `{"cert":"***","key":"***","server_name":"***"}`},
		{object(t, map[string]string{"ca": cert}), `{"ca":"***","cert":"***","key":"***","server_name":"***"}`},
		{`{"cert":null,"key":null}`, `{"ca":"***","server_name":"***"}`},
		{`{"ca":null,"server_name":null}`, `null`},
	} {
		if faults := patched(t, e, "tls", c.patch); faults != "" {
			t.Fatalf("%s: %s", c.patch, faults)
		}
		if got := shownAs(t, e, "tls"); got != c.shown {
			t.Errorf("%s: shown as %s, want %s", c.patch, got, c.shown)
		}
		if text := fmt.Sprintf("%v %+v %#v", e.TLS, e.TLS, e.TLS); strings.Contains(text, "canary") || strings.Contains(text, "BEGIN") {
			t.Errorf("prints %s", text)
		}
	}
}

func TestTLSThatIsRefused(t *testing.T) {
	t.Parallel()
	cert, key := clientPEM(t, "canary")
	_, other := clientPEM(t, "canary")
	for name, c := range map[string]struct {
		tls  any
		want string
	}{
		"a text":                     {"canary", "tls: want an object with ca, cert, key and server_name"},
		"a number":                   {map[string]any{"ca": 5}, "tls: want an object"},
		"an unknown member":          {map[string]string{"pin": "canary"}, "tls.pin: is not known"},
		"shown, never given":         {map[string]string{"key": "***"}, "tls.key: give the value"},
		"no PEM":                     {map[string]string{"ca": "canary"}, "tls.ca: want certificates in PEM"},
		"a path, as only files have": {map[string]string{"ca": "/etc/canary.pem"}, "tls.ca: want certificates in PEM"},
		"a key for an authority":     {map[string]string{"ca": cert + key}, "tls.ca: want certificates in PEM"},
		"an authority that is none":  {map[string]string{"ca": "-----BEGIN CERTIFICATE-----\nY2FuYXJ5\n-----END CERTIFICATE-----\n"}, "tls.ca: want certificates in PEM"},
		"no key":                     {map[string]string{"cert": cert}, "tls.key: is missing"},
		"no certificate":             {map[string]string{"key": key}, "tls.cert: is missing"},
		"another's key":              {map[string]string{"cert": cert, "key": other}, "tls.key: is not the key of the certificate"},
		"a key for a certificate":    {map[string]string{"cert": key, "key": key}, "tls.cert: want the certificate"},
		"a server with a port":       {map[string]string{"server_name": "canary.example:443"}, "tls.server_name: want a host name"},
		"too much":                   {map[string]string{"ca": strings.Repeat(cert, 200)}, "tls.ca: is longer than"},
	} {
		e := endpoint.Default()
		got := patched(t, e, "tls", object(t, c.tls))
		if !strings.HasPrefix(got, c.want) || strings.Contains(got, "canary") || strings.Contains(got, "BEGIN CERTIFICATE-----\n") {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
	for _, name := range []string{"crm.internal", "10.0.0.1", "::1", "CRM_1.example"} {
		e := endpoint.Default()
		if faults := patched(t, e, "tls", object(t, map[string]string{"server_name": name, "cert": cert + cert, "key": key})); faults != "" {
			t.Errorf("%s: %s", name, faults)
		}
	}
}
