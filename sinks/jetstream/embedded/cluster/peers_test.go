package cluster_test

import (
	"context"
	"net"
	"slices"
	"testing"

	"github.com/hookspan/hookspan/sinks/jetstream/embedded/cluster"
)

// A directory is a resolver that knows what it was told.
type directory struct {
	hosts []string
	srv   []*net.SRV
}

func (d directory) LookupHost(context.Context, string) ([]string, error) { return d.hosts, nil }

func (d directory) LookupSRV(context.Context, string, string, string) (string, []*net.SRV, error) {
	return "", d.srv, nil
}

func TestLookup(t *testing.T) {
	t.Parallel()
	names := directory{hosts: []string{"10.0.0.2", "10.0.0.1", "10.0.0.2", "fd00::1"}, srv: []*net.SRV{{Target: "hookspan-0.hookspan.", Port: 7222}}}
	for name, c := range map[string]struct {
		peers []string
		want  []string
	}{
		"a list is what it says":       {[]string{"h2:1", "h1:2"}, []string{"h2:1", "h1:2"}},
		"hosts listen where we do":     {[]string{"dns:hookspan"}, []string{"10.0.0.1:6333", "10.0.0.2:6333", "[fd00::1]:6333"}},
		"or on the port that is given": {[]string{"dns:hookspan:7"}, []string{"10.0.0.1:7", "10.0.0.2:7", "[fd00::1]:7"}},
		"an underscore means SRV":      {[]string{"dns:_routes._tcp.hookspan"}, []string{"hookspan-0.hookspan:7222"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := cluster.Lookup(t.Context(), &cluster.Membership{Peers: c.peers, RoutesListen: ":6333", Resolver: names})
			if err != nil || !slices.Equal(got, c.want) {
				t.Errorf("got %v, %v, want %v", got, err, c.want)
			}
		})
	}
}
