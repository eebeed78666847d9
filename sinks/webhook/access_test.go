package webhook_test

import (
	"crypto/tls"
	"encoding/pem"
	"io"
	"log"
	"net"
	"net/http"
	"sync/atomic"
	"testing"

	"github.com/hookspan/hookspan/bridge/delivery"
	"github.com/hookspan/hookspan/sinks/certtest"
	"github.com/hookspan/hookspan/sinks/webhook"
)

func pemBlock(der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

// A careful server asks who calls, and says it.
type careful struct {
	url    string
	opened atomic.Int64
}

func newCareful(t *testing.T, conf *tls.Config, http2 bool) *careful {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &careful{url: "https://" + l.Addr().String() + "/"}
	server := &http.Server{
		TLSConfig: conf,
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			who := "nobody"
			if peers := r.TLS.PeerCertificates; len(peers) > 0 {
				who = peers[0].Subject.CommonName
			}
			_, _ = io.WriteString(w, who+" "+r.Proto+" "+r.TLS.ServerName)
		}),
		ErrorLog: log.New(io.Discard, "", 0),
		ConnState: func(_ net.Conn, s http.ConnState) {
			if s == http.StateNew {
				c.opened.Add(1)
			}
		},
	}
	if !http2 {
		server.TLSNextProto = map[string]func(*http.Server, *tls.Conn, http.Handler){}
	}
	go func() { _ = server.ServeTLS(l, "", "") }()
	t.Cleanup(func() { _ = server.Close() })
	return c
}

func TestAnEndpointsOwnTLS(t *testing.T) {
	t.Parallel()
	ours, theirs, public := certtest.New(t), certtest.New(t), certtest.New(t)
	here, named := theirs.Issue(t, "127.0.0.1"), theirs.Issue(t, "crm.internal")
	alice, stranger := ours.Issue(t, "alice"), theirs.Issue(t, "mallory")
	ca := string(theirs.PEM())
	with := func(authorities string, c tls.Certificate, name string) *delivery.TLS {
		return delivery.NewTLS(authorities, c, "", name)
	}
	mutual := func(c tls.Certificate) *tls.Config {
		return &tls.Config{Certificates: []tls.Certificate{c}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: ours.Pool()}
	}
	strict := mutual(here)
	strict.MaxVersion = tls.VersionTLS12 // by 1.3 a refusal comes after the handshake, or a reset before it
	plain := &tls.Config{Certificates: []tls.Certificate{here}}
	for _, c := range []struct {
		name   string
		server *tls.Config
		http2  bool
		tls    *delivery.TLS
		says   string
		reason delivery.Reason
		detail string
	}{
		{"a private authority", plain, false, with(ca, tls.Certificate{}, ""), "nobody HTTP/1.1 ", "", ""},
		{"a private authority, HTTP/2", plain, true, with(ca, tls.Certificate{}, ""), "nobody HTTP/2.0 ", "", ""},
		{"without it", plain, false, with("", alice, ""), "", delivery.ReasonTLS, "the certificate is signed by an unknown authority"},
		{"a client certificate", mutual(here), false, with(ca, alice, ""), "alice HTTP/1.1 ", "", ""},
		{"a client certificate, HTTP/2", mutual(here), true, with(ca, alice, ""), "alice HTTP/2.0 ", "", ""},
		{"no client certificate", strict, false, with(ca, tls.Certificate{}, ""), "", delivery.ReasonTLS, ""},
		{"a stranger's", strict, false, with(ca, stranger, ""), "", delivery.ReasonTLS, ""},
		{"a pinned name", &tls.Config{Certificates: []tls.Certificate{named}}, true, with(ca, tls.Certificate{}, "crm.internal"), "nobody HTTP/2.0 crm.internal", "", ""},
		{"a name that is not pinned", &tls.Config{Certificates: []tls.Certificate{named}}, true, with(ca, tls.Certificate{}, ""), "", delivery.ReasonTLS, "the certificate is for another host"},
		{"another than the pinned one", plain, true, with(ca, tls.Certificate{}, "crm.internal"), "", delivery.ReasonTLS, "the certificate is for another host"},
		{"the usual authority beside it", &tls.Config{Certificates: []tls.Certificate{public.Issue(t, "127.0.0.1")}}, false, with(ca, tls.Certificate{}, ""), "nobody HTTP/1.1 ", "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			server := newCareful(t, c.server.Clone(), c.http2)
			s := webhook.New(webhook.Options{Egress: loopback(), RootCAs: public.Pool()})
			defer s.Close()
			for range 3 { // the first one negotiates
				res := postAs(t, s, server.url, &delivery.Access{TLS: c.tls})
				if res.Reason != c.reason || res.Body != c.says || c.detail != "" && res.Detail != c.detail {
					t.Errorf("%+v", res)
				}
			}
		})
	}
}

// A connection that one endpoint's certificate has opened is never another endpoint's, nor is a
// session of TLS.
func TestConnectionsBelongToTheirCertificate(t *testing.T) {
	t.Parallel()
	authority := certtest.New(t)
	server := newCareful(t, &tls.Config{
		Certificates: []tls.Certificate{authority.Issue(t, "127.0.0.1")}, ClientAuth: tls.RequestClientCert,
	}, false)
	s := webhook.New(webhook.Options{Egress: loopback(), RootCAs: authority.Pool()})
	defer s.Close()
	ways := map[string]*delivery.Access{"nobody": nil}
	for _, name := range []string{"alice", "bob"} {
		cert := authority.Issue(t, name)
		ways[name] = &delivery.Access{TLS: delivery.NewTLS("", cert, name, "")}
	}
	for range 4 {
		for name, a := range ways {
			if res := postAs(t, s, server.url, a); res.Body != name+" HTTP/1.1 " {
				t.Errorf("%s: %+v", name, res)
			}
		}
	}
	// Made anew from the same settings, as after an edit of something else, it is the same way.
	opened := server.opened.Load()
	again := *ways["alice"].TLS
	if res := postAs(t, s, server.url, &delivery.Access{TLS: &again}); res.Body != "alice HTTP/1.1 " || server.opened.Load() != opened {
		t.Errorf("%+v", res)
	}
}
