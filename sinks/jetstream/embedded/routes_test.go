package embedded_test

import (
	"crypto/tls"
	"testing"

	"github.com/hookspan/hookspan/sinks/certtest"
	"github.com/hookspan/hookspan/sinks/jetstream/embedded"
)

// routesTLS is a certificate of 127.0.0.1 that only who has it can show, and trusts.
func routesTLS(t *testing.T) *tls.Config {
	t.Helper()
	authority := certtest.New(t)
	return &tls.Config{
		Certificates: []tls.Certificate{authority.Issue(t, "127.0.0.1")},
		RootCAs:      authority.Pool(), ClientCAs: authority.Pool(), ClientAuth: tls.RequireAndVerifyClientCert, MinVersion: tls.VersionTLS13,
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
