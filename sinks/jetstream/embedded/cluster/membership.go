package cluster

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
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

// A Membership says which cluster a server is part of, and how; the zero value is that of one
// that is alone.
type Membership struct {
	// Cluster is the name of the cluster; empty: the server is alone.
	Cluster string
	// RoutesListen is where the other servers connect; default :6222.
	RoutesListen string
	// Peers are all servers of the cluster, this one too, the same list on each: three or more
	// of host:port, or one "dns:NAME". A NAME that begins with an underscore has SRV records;
	// any other is that of the hosts, which listen on one port (NAME:port, default that of
	// RoutesListen). A name may come to be, and change, while the server runs.
	Peers []string
	// ClusterSize is how many servers NAME is going to stand for; default 3.
	ClusterSize int
	// ServerName is what the others know this server by, at every start the same and no two
	// alike. The data folder keeps it; default the host's name (and the port, where it is not
	// the default).
	ServerName string
	// RouteSecrets are what the servers of the cluster know and nobody else: newest first, of
	// which the first is used and each is accepted. Only what is derived from them is sent.
	RouteSecrets []string
	// RoutesTLS makes routes TLS. It is used on both sides, so it needs a certificate, RootCAs
	// and, to ask the other for one, ClientCAs and ClientAuth.
	RoutesTLS *tls.Config
	// Resolver looks up the NAME; default net.DefaultResolver.
	Resolver Resolver
}

// Clustered reports whether there is a cluster.
func (m *Membership) Clustered() bool { return m.Cluster != "" }

// named reports whether the peers are what a name stands for.
func (m *Membership) named() bool {
	return m.Clustered() && strings.HasPrefix(m.Peers[0], dnsPeers)
}

// Validate reports the first field that cannot work, by its name.
func (m *Membership) Validate() error {
	if !m.Clustered() {
		if len(m.Peers) > 0 {
			return errors.New("embedded bus: Peers without Cluster: give the cluster a name")
		}
		return nil
	}
	for field, name := range map[string]string{"Cluster": m.Cluster, "ServerName": m.ServerName} {
		if strings.ContainsAny(name, " \t\r\n*>/\\") {
			return fmt.Errorf("embedded bus: %s %q: use letters, digits, dots and dashes", field, name)
		}
	}
	if m.RoutesListen != "" {
		if _, port, err := SplitPort(m.RoutesListen); err != nil || port == 0 {
			return fmt.Errorf("embedded bus: RoutesListen %q: use host:port or :port, with a port that the peers know", m.RoutesListen)
		}
	}
	if slices.Contains(m.RouteSecrets, "") {
		return errors.New("embedded bus: RouteSecrets has an empty secret")
	}
	return m.validatePeers()
}

func (m *Membership) validatePeers() error {
	if len(m.Peers) == 0 {
		return errors.New("embedded bus: Cluster without Peers: name all servers of it, as h1:6222,h2:6222,h3:6222 or dns:NAME")
	}
	if name, ok := strings.CutPrefix(m.Peers[0], dnsPeers); ok {
		switch {
		case len(m.Peers) > 1:
			return errors.New("embedded bus: Peers: dns:NAME stands alone, it names all servers")
		case name == "":
			return errors.New("embedded bus: Peers: dns: without a name")
		case m.ClusterSize != 0 && m.ClusterSize < smallestCluster:
			return fmt.Errorf("embedded bus: ClusterSize %d: a cluster has three servers or more", m.ClusterSize)
		}
		return nil
	}
	for i, peer := range m.Peers {
		host, _, err := SplitPort(peer)
		if err != nil || host == "" {
			return fmt.Errorf("embedded bus: Peers: %q is not host:port", peer)
		}
		if slices.Contains(m.Peers[:i], peer) {
			return fmt.Errorf("embedded bus: Peers names %s twice", peer)
		}
	}
	if len(m.Peers) < smallestCluster {
		return fmt.Errorf("embedded bus: Peers names %d servers: name all of the cluster, this one too; fewer than three go on no longer than one alone", len(m.Peers))
	}
	if m.ClusterSize != 0 && m.ClusterSize != len(m.Peers) {
		return fmt.Errorf("embedded bus: ClusterSize %d, but Peers names %d servers", m.ClusterSize, len(m.Peers))
	}
	return nil
}

// WithDefaults fills in what was left open, all but the server's name, which the data folder
// may know.
func (m *Membership) WithDefaults() {
	if !m.Clustered() {
		return
	}
	if m.RoutesListen == "" {
		m.RoutesListen = defaultRoutes
	}
	switch {
	case !m.named():
		m.ClusterSize = len(m.Peers)
	case m.ClusterSize == 0:
		m.ClusterSize = smallestCluster
	}
	if m.Resolver == nil {
		m.Resolver = net.DefaultResolver
	}
}

// quorum is how many servers decide.
func (m *Membership) quorum() int { return m.ClusterSize/2 + 1 }

// warn says what works, but not as well as it may seem.
func (m *Membership) warn(log *slog.Logger) {
	if m.ClusterSize%2 == 0 {
		log.Warn("an even number of servers survives no more losses than one server less", "servers", m.ClusterSize)
	}
	if m.openRoutes() {
		log.Warn("whoever reaches the routes of the cluster can read and write everything: give its servers a secret", "routes", m.RoutesListen)
	}
}

// openRoutes reports whether anybody on the network may join.
func (m *Membership) openRoutes() bool {
	host, _, err := SplitPort(m.RoutesListen)
	return len(m.RouteSecrets) == 0 && (err != nil || !Loopback(host))
}

// localName is how a server is called that was given no name: as its host, and by its port
// where several run on one.
func (m *Membership) localName() (string, error) {
	host, err := os.Hostname()
	if err != nil {
		return "", fmt.Errorf("name the server: %w", err)
	}
	_, port, err := SplitPort(m.RoutesListen)
	if err != nil {
		return "", fmt.Errorf("embedded bus: RoutesListen: %w", err)
	}
	if ":"+strconv.Itoa(port) == defaultRoutes {
		return host, nil
	}
	return host + "-" + strconv.Itoa(port), nil
}
