package embedded_test

import (
	"context"
	"errors"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/sinks/jetstream/embedded"
	"github.com/hookspan/hookspan/sinks/jetstream/embedded/cluster"
	"github.com/hookspan/hookspan/sinks/porttest"
)

// taken is the address of somebody who listens already.
func taken(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l.Addr().String()
}

func TestATakenPortEndsTheStart(t *testing.T) {
	t.Parallel()
	clustered := func(routes, clients string) embedded.Options {
		peers := append(porttest.Addresses(t, 2), routes)
		return embedded.Options{
			Dir: t.TempDir(), Listen: clients,
			Membership: cluster.Membership{Cluster: "orders", ServerName: "a", RoutesListen: routes, Peers: peers},
		}
	}
	address := taken(t)
	for name, c := range map[string]struct {
		options embedded.Options
		setting string
	}{
		"clients of one that is alone": {embedded.Options{Dir: t.TempDir(), Listen: address}, "HOOKSPAN_EMBEDDED_LISTEN"},
		"clients of a member":          {clustered(porttest.Addresses(t, 1)[0], address), "HOOKSPAN_EMBEDDED_LISTEN"},
		"routes of a member":           {clustered(address, ""), "HOOKSPAN_EMBEDDED_ROUTES_LISTEN"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, err := embedded.Open(within(t), c.options)
			if err == nil {
				s.Close()
			}
			if !errors.Is(err, syscall.EADDRINUSE) || errors.Is(err, bus.ErrUnavailable) || !containsAll(err.Error(), address, c.setting) {
				t.Errorf("open: %v, want that %s is taken, and that %s says it", err, address, c.setting)
			}
			if err != nil && strings.Contains(err.Error(), "\n") {
				t.Errorf("more than one sentence: %v", err)
			}
		})
	}
}

// A port that somebody takes after it was looked at is the server's to find. It listens on the
// others by then.
func TestWhatTheServerCallsFatalEndsTheStart(t *testing.T) {
	t.Parallel()
	address := taken(t)
	for name, c := range map[string]struct{ listen, routes, setting string }{
		"clients of one that is alone": {address, "", "(HOOKSPAN_EMBEDDED_LISTEN)"},
		"clients of a member":          {address, porttest.Addresses(t, 1)[0], "(HOOKSPAN_EMBEDDED_LISTEN)"},
		"routes of a member":           {porttest.Addresses(t, 1)[0], address, "(HOOKSPAN_EMBEDDED_ROUTES_LISTEN)"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if err := embedded.StartOn(c.listen, c.routes); !errors.Is(err, syscall.EADDRINUSE) || !containsAll(err.Error(), address+" "+c.setting) {
				t.Errorf("the start ended with %v, want that %s is taken, and that %s says it", err, address, c.setting)
			}
		})
	}
}

func TestAStartThatIsGivenUpFreesTheFolder(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	open(t, embedded.Options{Dir: dir}).close()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := embedded.Open(ctx, embedded.Options{Dir: dir}); !errors.Is(err, context.Canceled) {
		t.Fatalf("open: %v, want that it was given up", err)
	}
	waitFor(t, func() bool {
		s, err := embedded.Open(within(t), embedded.Options{Dir: dir})
		if err != nil {
			return false
		}
		return s.Close() == nil
	})
}

func TestAStorageThatCannotBeUsedEndsTheStart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(dir+"/jetstream", []byte("a file in the way"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := embedded.Open(within(t), embedded.Options{Dir: dir})
	if err == nil || errors.Is(err, bus.ErrUnavailable) || !strings.Contains(err.Error(), "Can't start JetStream") {
		t.Errorf("open: %v", err)
	}
}
