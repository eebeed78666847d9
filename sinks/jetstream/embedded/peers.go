package embedded

import (
	"context"
	"slices"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/sinks/jetstream/embedded/cluster"
)

// ours reports whether a stream is one that Hookspan cannot do without.
func (o *Options) ours(account, stream string) bool {
	return account == privateAccount || slices.Contains(o.Protect, stream)
}

// Standing reports how the cluster looks from here; false for a server alone.
func (s *Server) Standing() (cluster.Standing, bool) {
	if s.cluster == nil {
		return cluster.Standing{}, false
	}
	return s.cluster.Standing(s.current()), true
}

// Examine says how the cluster is, for an operator. It changes nothing.
func (s *Server) Examine(context.Context) []bus.Finding {
	if s.cluster == nil {
		return nil
	}
	return s.cluster.Examine(s.current())
}

// approach connects to peers that were found since the last look.
func (s *Server) approach() {
	if s.cluster == nil || !s.cluster.Found() {
		return
	}
	inner := s.current()
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
