package cluster

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

const (
	// leaveTime bounds how long clients are being disconnected when a server leaves.
	leaveTime = time.Second
	// leaveGrace is as short as can be: our own connections have gone by then.
	leaveGrace = time.Millisecond
	// routeTLSTimeout bounds the handshake of a route.
	routeTLSTimeout = 5 // seconds
)

// A Cluster is what one server knows of the cluster that it is part of, and of its own standing
// there.
type Cluster struct {
	m    *Membership
	log  *slog.Logger
	ours func(account, stream string) bool // whether somebody must lead it

	known  []string                 // addresses of peers; whoever starts and configures the server uses them
	found  atomic.Pointer[[]string] // those that were found since
	joined atomic.Bool              // the server has caught up with the others since it started
}

// Join makes sure that the folder and the membership are of one kind, and looks for peers a first
// time. That there are none yet is no error. For a server that is alone there is no Cluster.
func Join(ctx context.Context, dir string, m *Membership, log *slog.Logger, ours func(account, stream string) bool) (*Cluster, error) {
	if err := m.claim(dir); err != nil || !m.Clustered() {
		return nil, err
	}
	m.warn(log)
	peers, err := m.lookup(ctx)
	if err != nil {
		log.Warn("the peers cannot be found yet", "error", err)
	}
	// One that has moved may still be named under its old address. The server takes the number
	// for the size of the cluster, so the rest has to come later.
	return &Cluster{m: m, log: log, ours: ours, known: peers[:min(len(peers), m.ClusterSize)]}, nil
}

// Configure turns a server that is alone into one of the cluster. synced is whether an
// acknowledgement means that; listens, whether clients may connect.
func (c *Cluster) Configure(o *server.Options, synced, listens bool) error {
	var err error
	if o.Cluster.Host, o.Cluster.Port, err = SplitPort(c.m.RoutesListen); err != nil {
		return fmt.Errorf("embedded bus: RoutesListen: %w", err)
	}
	o.ServerName, o.Cluster.Name = c.m.ServerName, c.m.Cluster
	o.Routes = c.m.routeURLs(c.known)
	if len(c.m.RouteSecrets) > 0 {
		// User and password here are for routes that the servers tell one another of.
		o.Cluster.Username, o.Cluster.Password = routeUser, RoutePassword(c.m.RouteSecrets[0])
		o.CustomRouterAuthentication = newGate(c.m.RouteSecrets)
	}
	if c.m.RoutesTLS != nil {
		o.Cluster.TLSConfig, o.Cluster.TLSTimeout = c.m.RoutesTLS.Clone(), routeTLSTimeout
	}
	// An acknowledgement of a stream with replicas means that a quorum has written it to its
	// log. This makes it mean synced: each server syncs its log once for all it was sent
	// meanwhile, so it is a group commit.
	o.SyncAlways = synced
	o.LameDuckDuration, o.LameDuckGracePeriod = leaveTime, leaveGrace
	if !listens {
		// The server starts its routes behind the port for clients, so there has to be one.
		// Nobody knows a password for it, and nobody is told of it.
		o.DontListen, o.Host, o.Port = false, "127.0.0.1", server.RANDOM_PORT
		o.Cluster.NoAdvertise = true
	}
	return nil
}

// Started says that the server was started, so it has not caught up with the others.
func (c *Cluster) Started() { c.joined.Store(false) }

// Seek looks for peers until ctx ends, as long as some are missing. Names appear late, and
// what they stand for changes when servers move. running is the server, nil while there is none.
func (c *Cluster) Seek(ctx context.Context, running func() *server.Server) {
	if !c.m.named() {
		return
	}
	tick := time.NewTicker(lookupInterval)
	defer tick.Stop()
	told := ""
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		if len(c.here(running())) >= c.m.ClusterSize {
			continue
		}
		peers, err := c.m.lookup(ctx)
		if err != nil {
			if text := err.Error(); text != told && ctx.Err() == nil {
				told = text
				c.log.Warn("the peers cannot be found", "error", err)
			}
			continue
		}
		told = ""
		c.found.Store(&peers)
	}
}

// Found takes in the peers that were found since the last call, and reports whether one of them
// is new: then the server has to be configured anew.
func (c *Cluster) Found() bool {
	found := c.found.Swap(nil)
	if found == nil || !slices.ContainsFunc(*found, func(p string) bool { return !slices.Contains(c.known, p) }) {
		return false
	}
	if len(*found) >= c.m.ClusterSize {
		c.known = *found
	} else { // what is missing may only be missing for now
		c.known = distinct(append(slices.Clone(c.known), *found...))
	}
	return true
}
