package cluster

import (
	"fmt"
	"slices"
	"strings"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/hookspan/hookspan/bridge/bus"
)

// A Standing is what a server knows of its cluster.
type Standing struct {
	Cluster string   // its name
	Server  string   // this server's name
	Size    int      // how many servers it should have
	Here    []string // the names of those that are connected now, this one too, sorted
	Leader  string   // of the cluster, not of its streams; "" while it has none
	Joined  bool     // this server has had all it keeps at least once since it was started
}

// Standing reports how the cluster looks from the server; inner is nil while it does not run.
func (c *Cluster) Standing(inner *server.Server) Standing {
	st := Standing{Cluster: c.m.Cluster, Server: c.m.ServerName, Size: c.m.ClusterSize, Here: c.here(inner), Joined: c.joined.Load()}
	if inner == nil {
		return st
	}
	if info, err := inner.Jsz(nil); err == nil && info.Meta != nil {
		st.Leader = info.Meta.Leader
	}
	return st
}

// here lists the servers of the cluster that are connected, this one too.
func (c *Cluster) here(inner *server.Server) []string {
	if inner == nil {
		return nil
	}
	names := []string{c.m.ServerName}
	if routes, err := inner.Routez(nil); err == nil {
		for _, r := range routes.Routes {
			if r.RemoteName != "" {
				names = append(names, r.RemoteName)
			}
		}
	}
	return distinct(names)
}

// Working is what keeps a server of a cluster from working, nil when nothing does; alone says that
// there is no quorum, without which nothing can be written. At the start the server must also
// catch up with the others, so that whoever restarts one server after the other can go by this.
// Later on the others' copies do.
func (c *Cluster) Working(inner *server.Server) (alone bool, err error) {
	here := c.here(inner)
	where := fmt.Sprintf("%d of %d servers of %s are here (%s)", len(here), c.m.ClusterSize, c.m.Cluster, strings.Join(here, ", "))
	if len(here) < c.m.quorum() {
		return true, fmt.Errorf("%w: waiting for the cluster: %s", bus.ErrUnavailable, where)
	}
	if !c.joined.Load() {
		if missing := lagging(inner); missing != "" {
			if len(here) < c.m.ClusterSize {
				missing += "; a new cluster begins once all have met"
			}
			return false, fmt.Errorf("%w: joining the cluster: %s; %s", bus.ErrUnavailable, where, missing)
		}
		c.joined.Store(true)
	}
	if stream := c.leaderless(inner, here); stream != "" {
		return false, fmt.Errorf("%w: stream %s is choosing a leader: %s", bus.ErrUnavailable, stream, where)
	}
	return false, nil
}

// lagging is what the server misses of the cluster or of its own copies, "" when nothing.
func lagging(inner *server.Server) string {
	for _, e := range inner.Healthz(&server.HealthzOptions{Details: true}).Errors {
		if e.Type == server.HealthzErrorJetStream || e.Type == server.HealthzErrorStream {
			return e.Error
		}
	}
	return ""
}

// leaderless is a stream of ours that nobody leads who is here, "" when there is none.
func (c *Cluster) leaderless(inner *server.Server, here []string) string {
	info, err := inner.Jsz(&server.JSzOptions{Accounts: true, Streams: true})
	if err != nil {
		return ""
	}
	for _, account := range info.AccountDetails {
		for _, stream := range account.Streams {
			if c.ours(account.Name, stream.Name) && stream.Cluster != nil && !slices.Contains(here, stream.Cluster.Leader) {
				return stream.Name
			}
		}
	}
	return ""
}
