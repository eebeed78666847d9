package topic_test

import (
	"slices"
	"testing"

	"github.com/hookspan/hookspan/bridge/topic"
)

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
