package backup

import (
	"slices"
	"strings"
	"testing"
)

func TestTopicsOfAnotherKindOfBus(t *testing.T) {
	t.Parallel()
	streams := Layout{Namespace: "hookspan", Prefix: "hookspan.events", Sources: []string{"payments.in"}}
	kafka := streams
	kafka.PerSource = true
	typed := func(source, eventType string) string { return source + "." + eventType }
	for _, c := range []struct {
		from, to    Layout
		topic, want string
	}{
		{streams, streams, "hookspan.events.shop.paid", "hookspan.events.shop.paid"},
		{streams, kafka, "hookspan.events.shop.order.paid", "hookspan.events.shop"},
		{streams, kafka, "payments.in.t.made", "payments.in"},
		{streams, kafka, "orders.created", "orders.created"},
		{streams, kafka, "hookspan.quarantine", "hookspan.quarantine"},
		{kafka, streams, "hookspan.events.shop", "hookspan.events.shop.t.made"},
		{kafka, streams, "payments.in", "payments.in.t.made"},
		{kafka, streams, "orders", "orders"},
		{kafka, streams, "hookspan.dead", "hookspan.dead"},
		{kafka, kafka, "hookspan.events.shop", "hookspan.events.shop"},
	} {
		tr := translation{from: c.from, to: c.to, typed: typed}
		if got := tr.topic(c.topic, "t.made"); got != c.want {
			t.Errorf("%s: %s, want %s", c.topic, got, c.want)
		}
	}
	for _, c := range []struct {
		from, to      Layout
		pattern, want string // "": refused
	}{
		{streams, streams, "hookspan.events.*.paid", "hookspan.events.*.paid"},
		{streams, kafka, "hookspan.events.>", `/^hookspan\.events\./`},
		{streams, kafka, "hookspan.events.shop.>", "hookspan.events.shop"},
		{streams, kafka, "payments.in.>", "payments.in"},
		{streams, kafka, "hookspan.ops", "hookspan.ops"},
		{streams, kafka, "orders.created", "orders.created"},
		{streams, kafka, "hookspan.events.shop.paid", ""},
		{streams, kafka, "hookspan.events.*.paid", ""},
		{streams, kafka, "orders.>", "orders.>"},
		{streams, kafka, "orders.*.paid", "orders.*.paid"},
		{kafka, streams, `/^hookspan\.events\./`, "hookspan.events.>"},
		{kafka, streams, "hookspan.events.shop", "hookspan.events.shop.>"},
		{kafka, streams, "orders", "orders"},
		{kafka, streams, "/^orders/", "/^orders/"},
		{kafka, streams, "/shop/", ""},
	} {
		tr := translation{from: c.from, to: c.to, typed: typed}
		got, err := tr.patterns([]string{c.pattern})
		if c.want == "" && err == nil || c.want != "" && !slices.Equal(got, []string{c.want}) {
			t.Errorf("%s: %q, want %q, error %v", c.pattern, got, c.want, err)
		}
	}
}

func TestAnotherInstallationIsRefused(t *testing.T) {
	t.Parallel()
	from := Layout{Namespace: "hookspan", Prefix: "hookspan.events"}
	for setting, to := range map[string]Layout{
		"HOOKSPAN_NAMESPACE=hookspan":           {Namespace: "other", Prefix: "hookspan.events"},
		"HOOKSPAN_TOPIC_PREFIX=hookspan.events": {Namespace: "hookspan", Prefix: "x"},
		"":                                      from,
	} {
		tr := translation{from: from, to: to}
		err := tr.refuse()
		if (err == nil) != (setting == "") || err != nil && !strings.Contains(err.Error(), "set "+setting) {
			t.Errorf("%s: error %v", setting, err)
		}
	}
}
