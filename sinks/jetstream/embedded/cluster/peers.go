package cluster

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"
)

const (
	// lookupInterval is how often a name is asked for servers that are not here yet.
	lookupInterval = 2 * time.Second
	lookupTimeout  = 2 * time.Second
)

// A Resolver answers what a name stands for, as net.Resolver does.
type Resolver interface {
	LookupHost(ctx context.Context, host string) ([]string, error)
	LookupSRV(ctx context.Context, service, proto, name string) (string, []*net.SRV, error)
}

// lookup returns the addresses of the peers. A name that begins with an underscore has SRV
// records with hosts and ports; the hosts of another one listen on the port that it names, or
// on the same as this server.
func (m *Membership) lookup(ctx context.Context) ([]string, error) {
	name, ok := strings.CutPrefix(m.Peers[0], dnsPeers)
	if !ok {
		return m.Peers, nil
	}
	ctx, cancel := context.WithTimeout(ctx, lookupTimeout)
	defer cancel()
	if strings.HasPrefix(name, "_") {
		return m.lookupSRV(ctx, name)
	}
	host, port, err := SplitPort(name)
	if err != nil {
		host = name
		if _, port, err = SplitPort(m.RoutesListen); err != nil {
			return nil, err
		}
	}
	hosts, err := m.Resolver.LookupHost(ctx, host)
	if err != nil {
		return nil, fmt.Errorf("look up the peers: %w", err)
	}
	var peers []string
	for _, host := range hosts {
		peers = append(peers, net.JoinHostPort(host, strconv.Itoa(port)))
	}
	return distinct(peers), nil
}

func (m *Membership) lookupSRV(ctx context.Context, name string) ([]string, error) {
	_, records, err := m.Resolver.LookupSRV(ctx, "", "", name)
	if err != nil {
		return nil, fmt.Errorf("look up the peers: %w", err)
	}
	var peers []string
	for _, r := range records {
		peers = append(peers, net.JoinHostPort(strings.TrimSuffix(r.Target, "."), strconv.Itoa(int(r.Port))))
	}
	return distinct(peers), nil
}

// routeURLs are where the server connects to, at least as many as the cluster has servers:
// the server takes their number for the size of a cluster that has none yet, and too small a
// one could form twice. What is missing leads to the server itself, which it notices.
func (m *Membership) routeURLs(peers []string) []*url.URL {
	var user *url.Userinfo
	if len(m.RouteSecrets) > 0 {
		user = url.UserPassword(routeUser, RoutePassword(m.RouteSecrets[0]))
	}
	var urls []*url.URL
	for _, peer := range peers {
		urls = append(urls, &url.URL{Scheme: "nats", User: user, Host: peer})
	}
	for len(urls) < m.ClusterSize {
		urls = append(urls, &url.URL{Scheme: "nats", User: user, Host: m.selfAddress()})
	}
	return urls
}

// selfAddress is where this server reaches its own routes.
func (m *Membership) selfAddress() string {
	host, port, _ := net.SplitHostPort(m.RoutesListen) // Validate has done so before
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, port)
}
