package embedded

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

// Standing reports how the cluster looks from here; false for a server alone.
func (s *Server) Standing() (Standing, bool) {
	if !s.o.clustered() {
		return Standing{}, false
	}
	st := Standing{Cluster: s.o.Cluster, Server: s.o.ServerName, Size: s.o.ClusterSize, Here: s.here(), Joined: s.joined.Load()}
	s.mu.RLock()
	inner := s.inner
	s.mu.RUnlock()
	if inner == nil {
		return st, true
	}
	if info, err := inner.Jsz(nil); err == nil && info.Meta != nil {
		st.Leader = info.Meta.Leader
	}
	return st, true
}

// here lists the servers of the cluster that are connected, this one too.
func (s *Server) here() []string {
	s.mu.RLock()
	inner := s.inner
	s.mu.RUnlock()
	if inner == nil {
		return nil
	}
	names := []string{s.o.ServerName}
	if routes, err := inner.Routez(nil); err == nil {
		for _, r := range routes.Routes {
			if r.RemoteName != "" {
				names = append(names, r.RemoteName)
			}
		}
	}
	return distinct(names)
}

// astray is what keeps a server of a cluster from working, nil when nothing does. A quorum
// has to be here; at the start the server must also catch up with it, so that whoever
// restarts one server after the other can go by this. Later on the others' copies do.
func (s *Server) astray() *trouble {
	if !s.o.clustered() {
		return nil
	}
	s.mu.RLock()
	inner := s.inner
	s.mu.RUnlock()
	if inner == nil {
		return &trouble{reach: stopsWrites, err: ErrClosed}
	}
	here := s.here()
	where := fmt.Sprintf("%d of %d servers of %s are here (%s)", len(here), s.o.ClusterSize, s.o.Cluster, strings.Join(here, ", "))
	if len(here) < s.o.quorum() {
		return &trouble{reach: stopsWrites, err: fmt.Errorf("%w: waiting for the cluster: %s", bus.ErrUnavailable, where)}
	}
	if !s.joined.Load() {
		if behind := lagging(inner); behind != "" {
			if len(here) < s.o.ClusterSize {
				behind += "; a new cluster begins once all have met"
			}
			return &trouble{reach: stopsNothing, err: fmt.Errorf("%w: joining the cluster: %s; %s", bus.ErrUnavailable, where, behind)}
		}
		s.joined.Store(true)
	}
	if stream := s.leaderless(inner, here); stream != "" {
		return &trouble{reach: stopsNothing, err: fmt.Errorf("%w: stream %s is choosing a leader: %s", bus.ErrUnavailable, stream, where)}
	}
	return nil
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
func (s *Server) leaderless(inner *server.Server, here []string) string {
	info, err := inner.Jsz(&server.JSzOptions{Accounts: true, Streams: true})
	if err != nil {
		return ""
	}
	for _, account := range info.AccountDetails {
		for _, stream := range account.Streams {
			ours := account.Name == privateAccount || slices.Contains(s.o.Protect, stream.Name)
			if ours && stream.Cluster != nil && !slices.Contains(here, stream.Cluster.Leader) {
				return stream.Name
			}
		}
	}
	return ""
}
