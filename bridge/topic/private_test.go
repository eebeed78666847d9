package topic_test

import (
	"slices"
	"testing"

	"github.com/hookspan/hookspan/bridge/topic"
)

// What is written by Hookspan itself is reserved, and so is all that it keeps.
func TestReserved(t *testing.T) {
	t.Parallel()
	own := append(topic.Own("a.b"), "a.b.state", "a.b.registry", "a.b.commands", "a.b.journal", "a.b.refusals", "a.b.alerts", "a.b.seen")
	for _, name := range own {
		if !topic.Reserved("a.b", name) || !topic.Reserved("a.b", name+".x") || topic.Reserved("a", name) || topic.Reserved("a.b", name+"s") {
			t.Errorf("%s: the topic itself, one below it, of another namespace, and another name", name)
		}
	}
	if topic.Reserved("a.b", "a.b.events.dead") || topic.Reserved("a.b", "a.b") {
		t.Error("topics of sources are reserved")
	}
}

func TestReservedStreams(t *testing.T) {
	t.Parallel()
	for name, reserved := range map[string]bool{
		"HOOKSPAN_STATE": true, "HOOKSPAN_REGISTRY": true, "HOOKSPAN_COMMANDS": true, "HOOKSPAN_JOURNAL": true, "HOOKSPAN_REFUSALS": true,
		"KV_HOOKSPAN_LEASES": true, "OBJ_files": true,
		"HOOKSPAN_EVENTS": false, "HOOKSPAN_STATES": false, "SHOP_STATE": false, "ORDERS": false, "hookspan_state": false,
	} {
		if topic.ReservedStream("hookspan", name) != reserved {
			t.Errorf("%s: want %v", name, reserved)
		}
	}
}

func TestInstallationsAreKnownByWhatTheyKeep(t *testing.T) {
	t.Parallel()
	got := topic.Installations(slices.Values([]string{
		"hookspan.state", "hookspan.registry", "hookspan.commands", "hookspan.journal", "hookspan.refusals", "hookspan.seen", "hookspan.events.shop",
		"eu.hooks.state.*", "eu.hooks.registry", "eu.hooks.commands", "eu.hooks.journal.*", "eu.hooks.refusals", // mirrored, on NATS
		"orders.state", "orders.state", "orders.state.*", "orders.registry", "orders.commands", "orders.journal", "orders.refused",
		"state", "registry", "commands", "journal", "refusals",
	}))
	slices.Sort(got)
	if want := []string{"eu.hooks", "hookspan"}; !slices.Equal(got, want) {
		t.Errorf("installations %q, want %q", got, want)
	}
}
