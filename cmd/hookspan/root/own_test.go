package root_test

import (
	"net"
	"net/url"
	"strings"
	"testing"

	"github.com/hookspan/hookspan/cmd/hookspan/cli"
	"github.com/hookspan/hookspan/cmd/hookspan/server"
	"github.com/hookspan/hookspan/sinks/porttest"
)

// What a process listens on is refused as an endpoint, however much egress may reach.
func TestOwnListenersAreRefusedAsEndpoints(t *testing.T) {
	t.Parallel()
	dir, nats := t.TempDir(), porttest.Addresses(t, 1)[0]
	public, admin, stop, err := server.Start(t.Context(), []string{
		"HOOKSPAN_DATA_DIR=" + dir, "HOOKSPAN_LISTEN=:0", "HOOKSPAN_ADMIN_LISTEN=127.0.0.1:0", "HOOKSPAN_EMBEDDED_LISTEN=" + nats,
		"HOOKSPAN_ADMIN_TOKEN=t0ken", "HOOKSPAN_EGRESS_ALLOW=0.0.0.0/0,::/0", "HOOKSPAN_EMBEDDED_MAX_STORE=64MB",
	})
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	admins := []string{"HOOKSPAN_SERVER=" + admin, "HOOKSPAN_ADMIN_TOKEN=t0ken"}
	for name, server := range map[string]string{"intake": public, "admin": admin, "nats": "http://" + nats} {
		u, err := url.Parse(server)
		if err != nil {
			t.Fatal(err)
		}
		for _, host := range []string{u.Hostname(), "0.0.0.0", "localhost"} {
			at := "http://" + net.JoinHostPort(host, u.Port()) + "/"
			_, errs, code := hookspan(t, admins, "endpoints", "create", "loop", "--url", at)
			if code != cli.ExitFailed || !strings.Contains(errs, "url: ") || !strings.Contains(errs, "a listener of this Hookspan itself") {
				t.Errorf("%s at %s: code %d, %s", name, at, code, errs)
			}
		}
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if _, errs, code := hookspan(t, admins, "endpoints", "create", "fine", "--url", "http://"+l.Addr().String()+"/"); code != cli.ExitDone {
		t.Errorf("another listener of this machine: code %d, %s", code, errs)
	}
}
