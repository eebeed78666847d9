package config

import (
	"maps"
	"slices"
	"strings"
)

// checkBus holds the settings of the bus against each other and against what this version runs
// on. Everything is checked all the same, so that a configuration can be written ahead.
func (l *loading) checkBus() {
	c := l.cfg
	l.process("BUS").unless(c.Bus.Kind == BusEmbedded,
		"this version runs on the embedded bus only; remove the variable or set it to embedded")
	l.checkEmbedded()
	l.process("NATS_PASSWORD").unless((c.NATS.User == "") == c.NATS.Password.IsZero(), "user and password belong together: give both or none")
	if c.Kafka.OAuthTokenURL != "" {
		_, ok := validURL(c.Kafka.OAuthTokenURL)
		l.process("KAFKA_OAUTH_TOKEN_URL").unless(ok, "want an http or https URL")
	}
	l.process("BUS_KEY_FILE").unless((c.BusTLS.Cert == "") == (c.BusTLS.KeyFile == ""), "certificate and key belong together: give both or none")
	if c.Bus.Kind == BusEmbedded {
		l.warnOfClusterSettings()
	}
}

func (l *loading) checkEmbedded() {
	e := l.cfg.Embedded
	l.process("EMBEDDED_PASSWORD").unless((e.User == "") == e.Password.IsZero(), "user and password belong together: give both or none")
	l.process("EMBEDDED_LISTEN").unless(e.Listen == "" || e.Listen.Loopback() || e.User != "",
		"only a loopback address may be open without "+prefix+"EMBEDDED_USER and "+prefix+"EMBEDDED_PASSWORD")
	for _, peer := range e.Peers {
		l.process("EMBEDDED_PEERS").unless(strings.HasPrefix(peer, "dns:") || validHostPort(peer, false), "want h1:6222,h2:6222,… or dns:NAME")
	}
	const alone = "this version embeds a single server; remove the variable"
	l.process("EMBEDDED_CLUSTER").unless(e.Cluster == "", alone)
	l.process("EMBEDDED_PEERS").unless(len(e.Peers) == 0, alone)
	l.process("REPLICAS").unless(l.cfg.Replicas <= 1 || l.cfg.Bus.Kind != BusEmbedded, "the embedded bus keeps one copy; remove the variable")
}

// warnOfClusterSettings names what has no effect on the embedded bus.
func (l *loading) warnOfClusterSettings() {
	for _, variable := range slices.Sorted(maps.Keys(l.core.values)) {
		for _, begin := range []string{"NATS_", "KAFKA_", "BUS_", "LEASE", "EMBEDDED_ROUTES_LISTEN"} {
			if strings.HasPrefix(variable, prefix+begin) {
				l.warn(l.core.where(variable), "has no effect on the embedded bus")
			}
		}
	}
}
