package config

import (
	"maps"
	"slices"
	"strings"
)

// checkBus holds the settings of the bus against each other.
func (l checking) checkBus() {
	c := l.cfg
	l.process("BUS_KEY_FILE").unless((c.BusTLS.Cert == "") == (c.BusTLS.KeyFile == ""), "certificate and key belong together: give both or none")
	for variable, given := range map[string]string{"BUS_CA": c.BusTLS.CA, "BUS_CERT": c.BusTLS.Cert} {
		l.process(variable).unless(given == "" || c.Bus.TLS || c.Bus.Kind == BusEmbedded,
			"needs a bus with TLS: begin "+prefix+"BUS with "+strings.Join(secureSchemes(), " or "))
		if c.Bus.Kind == BusEmbedded && !c.Alone() {
			l.process(variable).unless(given != "" || c.BusTLS == (BusTLS{}),
				"missing; members of a cluster prove themselves to each other: give authorities, certificate and key, or none")
		}
	}
	for _, k := range kinds() {
		k.check(l)
	}
	l.checkReplicas()
	l.warnOfNoEffect()
}

func (l checking) within(given map[string]bool, remedy string) {
	for variable, ok := range given {
		l.process(variable).unless(ok, remedy)
	}
}

func (l checking) without(given map[string]bool, remedy string) {
	for variable, ok := range given {
		l.process(variable).unless(!ok, remedy)
	}
}

// checkReplicas holds the number of copies against what the bus can keep.
func (l checking) checkReplicas() {
	c, r := l.cfg, l.process("REPLICAS")
	if c.Alone() {
		r.unless(c.Replicas <= 1, "a bus of its own keeps one copy; remove the variable")
		return
	}
	c.Bus.Kind.of().copies(r, c.Replicas)
	if c.Replicas == 1 {
		r.warning("one copy: what lies on a server that is away cannot be read, and what lies on one that is lost is gone")
	}
}

// warnOfNoEffect names the settings that say nothing about the bus that was chosen.
func (l checking) warnOfNoEffect() {
	c := l.cfg
	idle := c.Bus.Kind.idle()
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
