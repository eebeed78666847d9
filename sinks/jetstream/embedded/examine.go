package embedded

import (
	"context"
	"fmt"
	"strings"

	"github.com/hookspan/hookspan/bridge/bus"
)

// Examine says how folder and cluster are, for an operator. It changes nothing.
func (s *Server) Examine(context.Context) []bus.Finding {
	list := []bus.Finding{s.o.examineFolder(), s.o.examineSync()}
	if st, ok := s.Standing(); ok {
		list = append(list, s.o.examineCluster(st), s.o.examineRoutes())
	}
	return list
}

func (o *Options) examineFolder() bus.Finding {
	f := bus.Finding{Subject: "data folder " + o.Dir, Verdict: bus.Fine}
	v, err := volume(o.Dir)
	if err != nil {
		f.Verdict, f.Detail, f.Remedy = bus.Fault, err.Error(), "look at the volume and who may read it"
		return f
	}
	f.Detail = fmt.Sprintf("%d MB of %d MB are free, the store may take %d MB, intake stops below %d MB", v.free>>20, v.size>>20, o.MaxStore>>20, o.Watermark>>20)
	if v.free < o.Watermark {
		f.Verdict, f.Remedy = bus.Fault, "free some space, or make the volume larger"
	}
	return f
}

func (o *Options) examineSync() bus.Finding {
	f := bus.Finding{Subject: "sync", Verdict: bus.Fine}
	switch {
	case o.Sync == Lazy:
		f.Verdict, f.Detail = bus.Warning, fmt.Sprintf("a power cut loses what was acknowledged in the last %v", syncInterval)
		f.Remedy = "use group or always"
	case o.clustered():
		f.Detail = "an acknowledged event has been synced by most servers of the cluster"
	default:
		f.Detail = "an acknowledged event has been synced"
	}
	return f
}

func (o *Options) examineCluster(st Standing) bus.Finding {
	f := bus.Finding{Subject: "cluster " + st.Cluster, Verdict: bus.Fine}
	f.Detail = fmt.Sprintf("%d of %d servers are here (%s)", len(st.Here), st.Size, strings.Join(st.Here, ", "))
	if st.Leader == "" {
		f.Detail += ", nobody leads"
	} else {
		f.Detail += ", " + st.Leader + " leads"
	}
	switch {
	case len(st.Here) < o.quorum() || st.Leader == "":
		f.Verdict, f.Remedy = bus.Fault, "start the other servers, and see that they reach one another's routes, know the same secret and have names of their own"
	case len(st.Here) < st.Size:
		f.Verdict, f.Remedy = bus.Warning, "start the others again: the next loss stops the cluster"
	case !st.Joined:
		f.Verdict, f.Remedy = bus.Warning, "wait until this server has caught up, before another one is stopped"
	}
	return f
}

func (o *Options) examineRoutes() bus.Finding {
	f := bus.Finding{Subject: "routes " + o.RoutesListen, Verdict: bus.Fine, Detail: "only who knows the secret can join"}
	switch {
	case o.openRoutes():
		f.Verdict, f.Detail, f.Remedy = bus.Warning, "whoever reaches them can read and write everything", "give the servers a secret"
	case len(o.RouteSecrets) == 0:
		f.Detail = "no secret, but only this machine reaches them"
	}
	return f
}
