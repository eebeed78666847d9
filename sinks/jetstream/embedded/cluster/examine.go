package cluster

import (
	"fmt"
	"strings"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/hookspan/hookspan/bridge/bus"
)

// Examine says how the cluster is, for an operator. It changes nothing.
func (c *Cluster) Examine(inner *server.Server) []bus.Finding {
	return []bus.Finding{c.m.examine(c.Standing(inner)), c.m.examineRoutes()}
}

func (m *Membership) examine(st Standing) bus.Finding {
	f := bus.Finding{Subject: "cluster " + st.Cluster, Verdict: bus.Fine}
	f.Detail = fmt.Sprintf("%d of %d servers are here (%s)", len(st.Here), st.Size, strings.Join(st.Here, ", "))
	if st.Leader == "" {
		f.Detail += ", nobody leads"
	} else {
		f.Detail += ", " + st.Leader + " leads"
	}
	switch {
	case len(st.Here) < m.quorum() || st.Leader == "":
		f.Verdict, f.Remedy = bus.Fault, "start the other servers, and see that they reach one another's routes, know the same secret and have names of their own"
	case len(st.Here) < st.Size:
		f.Verdict, f.Remedy = bus.Warning, "start the others again: the next loss stops the cluster"
	case !st.Joined:
		f.Verdict, f.Remedy = bus.Warning, "wait until this server has caught up, before another one is stopped"
	}
	return f
}

func (m *Membership) examineRoutes() bus.Finding {
	f := bus.Finding{Subject: "routes " + m.RoutesListen, Verdict: bus.Fine, Detail: "only who knows the secret can join"}
	switch {
	case m.openRoutes():
		f.Verdict, f.Detail, f.Remedy = bus.Warning, "whoever reaches them can read and write everything", "give the servers a secret"
	case len(m.RouteSecrets) == 0:
		f.Detail = "no secret, but only this machine reaches them"
	}
	return f
}
