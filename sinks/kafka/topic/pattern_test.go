package topic_test

import (
	"strings"
	"testing"

	"github.com/hookspan/hookspan/sinks/kafka/topic"
)

func TestPatterns(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text, topic string
		want        bool
	}{
		{"orders", "orders", true},
		{"orders", "orders.eu", false},
		{`/^orders\./`, "orders.eu", true},
		{`/^orders\./`, "my.orders.eu", false},
		{`/orders/`, "my.orders.eu", true},
		{`/^(orders|bills)$/`, "bills", true},
	} {
		if got, err := topic.Finds(c.text, c.topic); err != nil || got != c.want {
			t.Errorf("%s finds %s: %v, %v", c.text, c.topic, got, err)
		}
	}
	for _, text := range []string{"", "/", "/orders", "orders/", "/(/", "a b", "orders.>", "*"} {
		if _, err := topic.Finds(text, "orders"); err == nil {
			t.Errorf("%q is taken for a pattern", text)
		}
	}
}

func TestNamesOfTopics(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"a", "Hookspan.events_shop-1", strings.Repeat("x", 249)} {
		if err := topic.Check(name); err != nil {
			t.Error(err)
		}
	}
	for _, name := range []string{"", ".", "..", "a/b", "ä", "a b", "a\n", strings.Repeat("x", 250)} {
		if err := topic.Check(name); err == nil {
			t.Errorf("%q is taken", name)
		}
	}
}
