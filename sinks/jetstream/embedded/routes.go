package embedded

import (
	"crypto/hkdf"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"slices"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

const (
	// routeUser is what the servers of a cluster log in to one another as.
	routeUser = "hookspan"
	// leaveTime bounds how long clients are being disconnected when a server leaves.
	leaveTime = time.Second
	// leaveGrace is as short as can be: our own connections have gone by then.
	leaveGrace = time.Millisecond
	// routeTLSTimeout bounds the handshake of a route.
	routeTLSTimeout = 5 // seconds
)

// routePassword is made of a secret that serves something else too: the password tells
// nothing about it.
func routePassword(secret string) string {
	key, err := hkdf.Key(sha256.New, []byte(secret), nil, "routes of a hookspan cluster", sha256.Size)
	if err != nil {
		panic(err) // only for a length that is not this one
	}
	return hex.EncodeToString(key)
}

// A gate lets in who knows one of the passwords. With several, secrets can be changed one
// server after the other: the one that knows both lets in the one that knows only the old.
type gate [][]byte

func newGate(secrets []string) gate {
	var g gate
	for _, secret := range secrets {
		g = append(g, []byte(routePassword(secret)))
	}
	return g
}

// Check implements server.Authentication.
func (g gate) Check(c server.ClientAuthentication) bool {
	given, ok := []byte(c.GetOpts().Password), 0
	for _, password := range g {
		ok |= subtle.ConstantTimeCompare(given, password)
	}
	return ok == 1
}

// clusterOptions turn a server that is alone into one of a cluster.
func (s *Server) clusterOptions(o *server.Options) error {
	var err error
	if o.Cluster.Host, o.Cluster.Port, err = splitPort(s.o.RoutesListen); err != nil {
		return fmt.Errorf("embedded bus: RoutesListen: %w", err)
	}
	o.ServerName, o.Cluster.Name = s.o.ServerName, s.o.Cluster
	o.Routes = s.o.routeURLs(s.known)
	if len(s.o.RouteSecrets) > 0 {
		// User and password here are for routes that the servers tell one another of.
		o.Cluster.Username, o.Cluster.Password = routeUser, routePassword(s.o.RouteSecrets[0])
		o.CustomRouterAuthentication = newGate(s.o.RouteSecrets)
	}
	if s.o.RoutesTLS != nil {
		o.Cluster.TLSConfig, o.Cluster.TLSTimeout = s.o.RoutesTLS.Clone(), routeTLSTimeout
	}
	// An acknowledgement of a stream with replicas means that a quorum has written it to its
	// log. This makes it mean synced: each server syncs its log once for all it was sent
	// meanwhile, so it is a group commit.
	o.SyncAlways = s.o.Sync != Lazy
	o.LameDuckDuration, o.LameDuckGracePeriod = leaveTime, leaveGrace
	if s.o.Listen == "" {
		// The server starts its routes behind the port for clients, so there has to be one.
		// Nobody knows a password for it, and nobody is told of it.
		o.DontListen, o.Host, o.Port = false, "127.0.0.1", server.RANDOM_PORT
		o.Cluster.NoAdvertise = true
	}
	return nil
}

// approach connects to peers that were found since the last look.
func (s *Server) approach() {
	found := s.found.Swap(nil)
	if found == nil || !slices.ContainsFunc(*found, func(p string) bool { return !slices.Contains(s.known, p) }) {
		return
	}
	if len(*found) >= s.o.ClusterSize {
		s.known = *found
	} else { // what is missing may only be missing for now
		s.known = distinct(append(slices.Clone(s.known), *found...))
	}
	s.mu.RLock()
	inner := s.inner
	s.mu.RUnlock()
	if inner == nil {
		return // the next start takes them
	}
	o, err := s.serverOptions()
	if err == nil {
		err = inner.ReloadOptions(o)
	}
	if err != nil {
		s.o.Log.Error("connecting to peers that were found", "error", err)
	}
}
