package fault

import (
	"context"
	"fmt"
	"strings"

	toxiproxy "github.com/Shopify/toxiproxy/v2"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"
)

// A Proxy stands between Hookspan and one server of a bus.
type Proxy struct {
	Address string // host:port that stands for the server's
	proxy   *toxiproxy.Proxy
}

// NewProxy listens in front of a server.
func NewProxy(server string) (*Proxy, error) {
	home := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(prometheus.NewRegistry()), zerolog.Nop())
	p := toxiproxy.NewProxy(home, server, "127.0.0.1:0", server)
	if err := p.Start(); err != nil {
		return nil, fmt.Errorf("listen in front of %s: %w", server, err)
	}
	return &Proxy{p.Listen, p}, nil
}

// A Cut is a way in which a network is no longer there.
type Cut string

const (
	Silent Cut = "timeout"    // what is sent never arrives, and nobody says so
	Reset  Cut = "reset_peer" // connections break at their next word
)

// Cut cuts both directions, of connections that are there and of new ones.
func (p *Proxy) Cut(how Cut) error {
	for _, way := range []string{"upstream", "downstream"} {
		toxic := fmt.Sprintf(`{"name":%q,"type":%q,"stream":%q,"attributes":{"timeout":0}}`, way, how, way)
		if _, err := p.proxy.Toxics.AddToxicJson(strings.NewReader(toxic)); err != nil {
			return fmt.Errorf("cut the way to %s: %w", p.proxy.Upstream, err)
		}
	}
	return nil
}

// Mend undoes a cut.
func (p *Proxy) Mend() { p.proxy.Toxics.ResetToxics(context.Background()) }

// Close hangs up on everybody.
func (p *Proxy) Close() { p.proxy.Stop() }
