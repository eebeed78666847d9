package config

import (
	"slices"
	"strings"

	"github.com/hookspan/hookspan/bridge/setting"
	"github.com/hookspan/hookspan/bridge/topic"
)

// Embedded is the bus inside the process.
type Embedded struct {
	Listen       Address        `env:"LISTEN" doc:"host:port for NATS clients that subscribe and publish; none unless set, and only on loopback without user and password."`
	Sync         string         `env:"SYNC" envDefault:"group" words:"group always lazy" doc:"When an event counts as durable: group (one sync for all requests in flight), always (a sync each) or lazy (no sync before the answer)."`
	MaxStore     setting.Size   `env:"MAX_STORE" default:"80 % of what is free or already stored" doc:"Size limit of the store."`
	User         string         `env:"USER" doc:"User for NATS clients."`
	Password     setting.Secret `env:"PASSWORD" doc:"Password for NATS clients."`
	Cluster      string         `env:"CLUSTER" doc:"Name of a cluster that processes with embedded buses form; the same in all of them."`
	RoutesListen Address        `env:"ROUTES_LISTEN" envDefault:":6222" doc:"Address for the other members of the cluster."`
	Peers        setting.List   `env:"PEERS" doc:"All members of the cluster, this one too: h1:6222,h2:6222,h3:6222, or dns:NAME, whose addresses they are."`
	ClusterSize  int            `env:"CLUSTER_SIZE" default:"those of the list; 3 with dns:NAME" doc:"How many members dns:NAME is going to stand for."`
}

// leastStore has room for the streams; less would be waited for without end.
const leastStore = 1 << 20

func embeddedKind() kind {
	return kind{
		name: BusEmbedded, system: "nats", forms: []string{"embedded"}, own: []string{"EMBEDDED_", "DISK_WATERMARK", "STREAM"}, check: checking.checkEmbedded,
		alone:  func(c *Config) bool { return c.Embedded.Cluster == "" },
		copies: copiesOfStreams, topic: subject, pattern: ownSubjects, below: allSubjects,
	}
}

// ownSubjects are patterns for a stream of ours, because on the embedded bus nobody else has one.
func ownSubjects(r report, pattern string) {
	subjects(r, pattern)
	r.unless(!topic.MeetsAny(pattern, serverSubjects()), "takes in subjects of the server itself ($JS, $SYS), which no stream may hold; name what is to be followed, such as shop.>")
}

func (l checking) checkEmbedded() {
	e := l.cfg.Embedded
	l.process("EMBEDDED_PASSWORD").unless((e.User == "") == e.Password.IsZero(), "user and password belong together: give both or none")
	l.process("EMBEDDED_LISTEN").unless(e.Listen == "" || e.Listen.Loopback() || e.User != "",
		"only a loopback address may be open without "+prefix+"EMBEDDED_USER and "+prefix+"EMBEDDED_PASSWORD")
	l.process("EMBEDDED_MAX_STORE").unless(e.MaxStore == 0 || e.MaxStore >= leastStore, "want 1MiB or more: what Hookspan keeps beside events has to fit too")
	l.checkClients()
	if e.Cluster == "" {
		l.process("EMBEDDED_CLUSTER").unless(len(e.Peers) == 0, "missing; give the cluster of "+prefix+"EMBEDDED_PEERS a name")
		return
	}
	if len(l.cfg.SealKey) == 0 {
		l.process("SEAL_KEY").unless(!slices.ContainsFunc(e.Peers, func(peer string) bool { return !Address(peer).Loopback() }),
			"missing; by it the members of a cluster prove themselves to each other: without it whoever answers at an address of "+prefix+"EMBEDDED_PEERS could read and write everything")
		l.process("SEAL_KEY").unless(e.RoutesListen.Loopback(), "missing; by it the members of a cluster prove themselves to each other: without it whoever reaches "+prefix+"EMBEDDED_ROUTES_LISTEN could read and write everything")
		l.process("SEAL_KEY").warning("missing; without it every program on this machine can be a member of the cluster")
	}
	l.process("EMBEDDED_CLUSTER").unless(setting.ValidName(strings.ToLower(e.Cluster)), "only letters, 0-9 and - are allowed")
	l.process("EMBEDDED_PEERS").unless(len(e.Peers) > 0, "missing; name all members as h1:6222,h2:6222,h3:6222, or dns:NAME")
	for _, peer := range e.Peers {
		name, dns := strings.CutPrefix(peer, "dns:")
		l.process("EMBEDDED_PEERS").unless(dns && name != "" && len(e.Peers) == 1 || validHostPort(peer, false),
			"want all members as h1:6222,h2:6222,h3:6222, or one dns:NAME")
	}
	l.checkClusterSize()
}

// checkClients is about NATS clients of the embedded bus.
func (l checking) checkClients() {
	e, tls := l.cfg.Embedded, l.cfg.EmbeddedTLS.Cert != ""
	if tls && e.Listen == "" {
		l.process("EMBEDDED_TLS_CERT").warning("has no effect without " + prefix + "EMBEDDED_LISTEN")
	}
	if e.Listen != "" && !e.Listen.Loopback() && e.User != "" && !tls {
		l.process("EMBEDDED_LISTEN").warning("clients send " + prefix + "EMBEDDED_PASSWORD and events in clear beyond this machine; give " + prefix + "EMBEDDED_TLS_CERT and " + prefix + "EMBEDDED_TLS_KEY_FILE")
	}
}

func (l checking) checkClusterSize() {
	e := l.cfg.Embedded
	l.process("EMBEDDED_CLUSTER_SIZE").unless(e.ClusterSize == 0 || e.ClusterSize >= 3, "want at least three: fewer cannot agree once one is away")
	if n := len(e.Peers); n > 0 && !strings.HasPrefix(e.Peers[0], "dns:") {
		l.process("EMBEDDED_CLUSTER_SIZE").unless(e.ClusterSize == 0 || e.ClusterSize == n, "the list of peers says it already; remove the variable")
		l.process("EMBEDDED_PEERS").unless(n >= 3, "want all members, this one too, and at least three: fewer than three cannot agree once one is away")
		if n%2 == 0 {
			l.process("EMBEDDED_PEERS").warning("an even number of members survives no more losses than one member less")
		}
	}
}
