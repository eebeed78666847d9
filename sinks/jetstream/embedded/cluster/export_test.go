package cluster

import "context"

// Lookup returns the addresses of the peers.
func Lookup(ctx context.Context, m *Membership) ([]string, error) { return m.lookup(ctx) }
