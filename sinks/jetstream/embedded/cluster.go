package embedded

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
)

const (
	defaultRoutes = ":6222"
	// smallestCluster is the least number of servers that go on when one is lost.
	smallestCluster = 3
	// dnsPeers begins a peer that is a name whose records are the peers.
	dnsPeers = "dns:"
)

func (o *Options) clustered() bool { return o.Cluster != "" }

// named reports whether the peers are what a name stands for.
func (o *Options) named() bool {
	return o.clustered() && strings.HasPrefix(o.Peers[0], dnsPeers)
}

func (o *Options) validateCluster() error {
	if !o.clustered() {
		if len(o.Peers) > 0 {
			return errors.New("embedded bus: Peers without Cluster: give the cluster a name")
		}
		return nil
	}
	for field, name := range map[string]string{"Cluster": o.Cluster, "ServerName": o.ServerName} {
		if strings.ContainsAny(name, " \t\r\n*>/\\") {
			return fmt.Errorf("embedded bus: %s %q: use letters, digits, dots and dashes", field, name)
		}
	}
	if o.RoutesListen != "" {
		if _, port, err := splitPort(o.RoutesListen); err != nil || port == 0 {
			return fmt.Errorf("embedded bus: RoutesListen %q: use host:port or :port, with a port that the peers know", o.RoutesListen)
		}
	}
	if slices.Contains(o.RouteSecrets, "") {
		return errors.New("embedded bus: RouteSecrets has an empty secret")
	}
	return o.validatePeers()
}

func (o *Options) validatePeers() error {
	if len(o.Peers) == 0 {
		return errors.New("embedded bus: Cluster without Peers: name all servers of it, as h1:6222,h2:6222,h3:6222 or dns:NAME")
	}
	if name, ok := strings.CutPrefix(o.Peers[0], dnsPeers); ok {
		switch {
		case len(o.Peers) > 1:
			return errors.New("embedded bus: Peers: dns:NAME stands alone, it names all servers")
		case name == "":
			return errors.New("embedded bus: Peers: dns: without a name")
		case o.ClusterSize != 0 && o.ClusterSize < smallestCluster:
			return fmt.Errorf("embedded bus: ClusterSize %d: a cluster has three servers or more", o.ClusterSize)
		}
		return nil
	}
	for i, peer := range o.Peers {
		host, _, err := splitPort(peer)
		if err != nil || host == "" {
			return fmt.Errorf("embedded bus: Peers: %q is not host:port", peer)
		}
		if slices.Contains(o.Peers[:i], peer) {
			return fmt.Errorf("embedded bus: Peers names %s twice", peer)
		}
	}
	if len(o.Peers) < smallestCluster {
		return fmt.Errorf("embedded bus: Peers names %d servers: name all of the cluster, this one too; fewer than three go on no longer than one alone", len(o.Peers))
	}
	if o.ClusterSize != 0 && o.ClusterSize != len(o.Peers) {
		return fmt.Errorf("embedded bus: ClusterSize %d, but Peers names %d servers", o.ClusterSize, len(o.Peers))
	}
	return nil
}

// clusterDefaults fills in what was left open, all but the server's name, which the data
// folder may know.
func (o *Options) clusterDefaults() {
	if !o.clustered() {
		return
	}
	if o.RoutesListen == "" {
		o.RoutesListen = defaultRoutes
	}
	switch {
	case !o.named():
		o.ClusterSize = len(o.Peers)
	case o.ClusterSize == 0:
		o.ClusterSize = smallestCluster
	}
	if o.Resolver == nil {
		o.Resolver = net.DefaultResolver
	}
}

// prepareCluster makes sure that the folder and the options are of one kind, and looks for
// peers a first time. That there are none yet is no error.
func (s *Server) prepareCluster(ctx context.Context) error {
	if err := s.o.adopt(); err != nil || !s.o.clustered() {
		return err
	}
	s.o.warnOfCluster()
	peers, err := s.o.lookup(ctx)
	if err != nil {
		s.o.Log.Warn("the peers cannot be found yet", "error", err)
	}
	// One that has moved may still be named under its old address. The server takes the number
	// for the size of the cluster, so the rest has to come later.
	s.known = peers[:min(len(peers), s.o.ClusterSize)]
	return nil
}

// quorum is how many servers decide.
func (o *Options) quorum() int { return o.ClusterSize/2 + 1 }

// warnOfCluster says what works, but not as well as it may seem.
func (o *Options) warnOfCluster() {
	if !o.clustered() {
		return
	}
	if o.ClusterSize%2 == 0 {
		o.Log.Warn("an even number of servers survives no more losses than one server less", "servers", o.ClusterSize)
	}
	if o.openRoutes() {
		o.Log.Warn("whoever reaches the routes of the cluster can read and write everything: give its servers a secret", "routes", o.RoutesListen)
	}
}

// openRoutes reports whether anybody on the network may join.
func (o *Options) openRoutes() bool {
	host, _, err := splitPort(o.RoutesListen)
	return len(o.RouteSecrets) == 0 && (err != nil || !loopback(host))
}

// localName is how a server is called that was given no name: as its host, and by its port
// where several run on one.
func (o *Options) localName() (string, error) {
	host, err := os.Hostname()
	if err != nil {
		return "", fmt.Errorf("name the server: %w", err)
	}
	_, port, err := splitPort(o.RoutesListen)
	if err != nil {
		return "", fmt.Errorf("embedded bus: RoutesListen: %w", err)
	}
	if ":"+strconv.Itoa(port) == defaultRoutes {
		return host, nil
	}
	return host + "-" + strconv.Itoa(port), nil
}

// splitPort takes an address apart.
func splitPort(address string) (host string, port int, err error) {
	host, text, err := net.SplitHostPort(address)
	if err != nil {
		return "", 0, err
	}
	if port, err = strconv.Atoi(text); err != nil || port < 0 || port > 65535 {
		return "", 0, fmt.Errorf("%q: the port is not a number", address)
	}
	return host, port, nil
}
