package config

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/hookspan/hookspan/bridge/setting"
)

// checkBus holds the settings of the bus against each other.
func (l *loading) checkBus() {
	c := l.cfg
	l.process("BUS_KEY_FILE").unless((c.BusTLS.Cert == "") == (c.BusTLS.KeyFile == ""), "certificate and key belong together: give both or none")
	for variable, given := range map[string]string{"BUS_CA": c.BusTLS.CA, "BUS_CERT": c.BusTLS.Cert} {
		l.process(variable).unless(given == "" || c.Bus.TLS || c.Bus.Kind == BusEmbedded,
			"needs a bus with TLS: begin "+prefix+"BUS with tls:// or kafka+tls://")
		if c.Bus.Kind == BusEmbedded && !c.Alone() {
			l.process(variable).unless(given != "" || c.BusTLS == (BusTLS{}),
				"missing; members of a cluster prove themselves to each other: give authorities, certificate and key, or none")
		}
	}
	l.checkEmbedded()
	l.checkNATS()
	l.checkKafka()
	l.checkReplicas()
	l.warnOfNoEffect()
}

func (l *loading) checkEmbedded() {
	e := l.cfg.Embedded
	l.process("EMBEDDED_PASSWORD").unless((e.User == "") == e.Password.IsZero(), "user and password belong together: give both or none")
	l.process("EMBEDDED_LISTEN").unless(e.Listen == "" || e.Listen.Loopback() || e.User != "",
		"only a loopback address may be open without "+prefix+"EMBEDDED_USER and "+prefix+"EMBEDDED_PASSWORD")
	l.checkClients()
	if e.Cluster == "" {
		l.process("EMBEDDED_CLUSTER").unless(len(e.Peers) == 0, "missing; give the cluster of "+prefix+"EMBEDDED_PEERS a name")
		return
	}
	if len(l.cfg.SealKey) == 0 {
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
func (l *loading) checkClients() {
	e, tls := l.cfg.Embedded, l.cfg.EmbeddedTLS.Cert != ""
	if tls && e.Listen == "" {
		l.process("EMBEDDED_TLS_CERT").warning("has no effect without " + prefix + "EMBEDDED_LISTEN")
	}
	if e.Listen != "" && !e.Listen.Loopback() && e.User != "" && !tls {
		l.process("EMBEDDED_LISTEN").warning("clients send " + prefix + "EMBEDDED_PASSWORD and events in clear beyond this machine; give " + prefix + "EMBEDDED_TLS_CERT and " + prefix + "EMBEDDED_TLS_KEY_FILE")
	}
}

func (l *loading) checkClusterSize() {
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

func (l *loading) checkNATS() {
	n := l.cfg.NATS
	l.process("NATS_PASSWORD").unless((n.User == "") == n.Password.IsZero(), "user and password belong together: give both or none")
	var logins []string
	for _, login := range []struct {
		variable string
		given    bool
	}{
		{"NATS_CREDS", n.Creds != ""}, {"NATS_NKEY_FILE", n.NKeyFile != ""},
		{"NATS_TOKEN", !n.Token.IsZero()}, {"NATS_USER", n.User != ""},
	} {
		if login.given {
			logins = append(logins, prefix+login.variable)
		}
	}
	if len(logins) > 1 {
		l.problem(logins[1], "given together with "+logins[0]+": there is one way to log in, remove the others")
	}
	l.process("NATS_API_PREFIX").unless(n.Domain == "" || n.APIPrefix == "", "given together with "+prefix+"NATS_DOMAIN, which is a prefix by itself; remove one of the two")
}

func (l *loading) checkKafka() {
	k := l.cfg.Kafka
	l.process("KAFKA_PARTITIONS").unless(k.Partitions <= 10_000, "want at most 10000")
	oauth := map[string]bool{
		"KAFKA_OAUTH_TOKEN_URL": k.OAuthTokenURL != "", "KAFKA_OAUTH_CLIENT_ID": k.OAuthClientID != "",
		"KAFKA_OAUTH_CLIENT_SECRET": !k.OAuthClientSecret.IsZero(),
	}
	user := map[string]bool{"KAFKA_USER": k.User != "", "KAFKA_PASSWORD": !k.Password.IsZero()}
	switch k.SASL {
	case "":
		l.without(user, "needs "+prefix+"KAFKA_SASL, which says how to log in")
		l.without(oauth, "needs "+prefix+"KAFKA_SASL=oauthbearer")
	case "oauthbearer":
		l.within(oauth, "missing; oauthbearer needs a token URL, a client id and a client secret")
		l.without(user, "has no place in oauthbearer; remove it")
	default:
		l.within(user, "missing; "+k.SASL+" needs user and password")
		l.without(oauth, "has no place in "+k.SASL+"; remove it")
	}
	if k.OAuthTokenURL != "" {
		_, ok := validURL(k.OAuthTokenURL)
		l.process("KAFKA_OAUTH_TOKEN_URL").unless(ok, "want an http or https URL")
	}
	if l.cfg.Bus.Kind != BusKafka {
		return
	}
	if (k.SASL == "plain" || k.SASL == "oauthbearer") && !l.cfg.Bus.TLS {
		l.process("KAFKA_SASL").warning(k.SASL + " without TLS shows the credentials to whoever can listen; use kafka+tls://")
	}
	if l.cfg.Lease < kafkaLease {
		l.process("LEASE").warning("less than 7.5s: brokers refuse the session that goes with it unless their group.min.session.timeout.ms is under the usual 6s")
	}
}

func (l *loading) within(given map[string]bool, remedy string) {
	for variable, ok := range given {
		l.process(variable).unless(ok, remedy)
	}
}

func (l *loading) without(given map[string]bool, remedy string) {
	for variable, ok := range given {
		l.process(variable).unless(!ok, remedy)
	}
}

// checkReplicas: JetStream takes up to five copies, Kafka as many as there are brokers.
func (l *loading) checkReplicas() {
	c, r := l.cfg, l.process("REPLICAS")
	switch {
	case c.Alone():
		r.unless(c.Replicas <= 1, "a bus of its own keeps one copy; remove the variable")
		return
	case c.Bus.Kind == BusKafka:
		r.unless(c.Replicas <= maxKafkaReplicas, "want at most 32767")
	default:
		r.unless(c.Replicas <= maxStreamReplicas, "want 1, 3 or 5: JetStream keeps at most five copies")
	}
	if c.Replicas == 1 {
		r.warning("one copy: what lies on a server that is away cannot be read, and what lies on one that is lost is gone")
	}
	if c.Replicas > 0 && c.Replicas%2 == 0 && c.Bus.Kind != BusKafka {
		r.warning("an even number of copies survives no more losses than one copy less")
	}
}

const (
	maxStreamReplicas = 5
	maxKafkaReplicas  = 1<<15 - 1
	// kafkaLease is the least lease whose session (four fifths of it) brokers take by default.
	kafkaLease = 7500 * time.Millisecond
)

// warnOfNoEffect names the settings that say nothing about the bus that was chosen.
func (l *loading) warnOfNoEffect() {
	c := l.cfg
	idle := map[BusKind][]string{
		BusEmbedded: {"NATS_", "KAFKA_"},
		BusNATS:     {"KAFKA_", "EMBEDDED_", "DISK_WATERMARK"},
		BusKafka:    {"NATS_", "EMBEDDED_", "DISK_WATERMARK", "STREAM"},
	}[c.Bus.Kind]
	bus := "this bus"
	if c.Bus.Kind == BusEmbedded {
		bus = "the embedded bus"
	}
	if c.Alone() {
		idle = append(idle, "BUS_", "LEASE", "EMBEDDED_ROUTES_LISTEN", "EMBEDDED_CLUSTER_SIZE")
	}
	for _, variable := range slices.Sorted(maps.Keys(l.core.values)) {
		for _, begin := range idle {
			if strings.HasPrefix(variable, prefix+begin) {
				l.warn(l.core.where(variable), "has no effect on "+bus)
			}
		}
	}
}
