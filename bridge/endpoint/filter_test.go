package endpoint_test

import (
	"strings"
	"testing"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/endpoint"
	"github.com/hookspan/hookspan/bridge/endpoint/endpointtest"
	"github.com/hookspan/hookspan/bridge/event"
)

const orders = bus.Partition("ORDERS")

func place(identity string, seq int64) bus.Position {
	return bus.Position{Identity: identity, Seq: seq}
}

func message(p bus.Partition, at bus.Position, topic, eventType string) *bus.Message {
	return &bus.Message{Topic: topic, Partition: p, Position: at, Event: &event.Event{ID: "1", Source: "/s", Type: eventType}}
}

func TestTakesMatchesTypes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		pattern, eventType string
		want               bool
	}{
		{"*", "com.acme.order", true},
		{"*", "", true},
		{"com.acme.*", "com.acme.order.shipped", true},
		{"com.acme.*", "com.acme.", true},
		{"com.acme.*", "com.acme", false},
		{"*.shipped", "com.acme.order.shipped", true},
		{"*.shipped", "com.acme.order.shipped.late", false},
		{"com.*.order.*", "com.acme.eu.order.paid", true},
		{"com.*.order.*", "com.acme.order", false},
		{"a*a", "a", false},
		{"a*a", "aa", true},
		{"a*b*c", "aXbYbZc", true},
		{"a*b*c", "aXcYb", false},
		{"com.acme.order", "com.acme.order", true},
		{"com.acme.order", "com.acme.orders", false},
		{"com.acme.order", "com-acme-order", false},
	} {
		e := &endpoint.Endpoint{Periods: []endpoint.Period{{Events: []string{c.pattern}, Active: true}}}
		if got := e.Takes(message(orders, place("one", 1), "t", c.eventType)); got != c.want {
			t.Errorf("%q takes %q: %v, want %v", c.pattern, c.eventType, got, c.want)
		}
	}
}

func TestTakesMatchesTopics(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		pattern, topic string
		want           bool
	}{
		{"orders", "orders", true},
		{"orders", "orders.eu", false},
		{"orders.*", "orders.eu", true},
		{"orders.*", "orders", false},
		{"orders.*", "orders.eu.paid", false},
		{"orders.*.paid", "orders.eu.paid", true},
		{"orders.>", "orders.eu.paid", true},
		{"orders.>", "orders", false},
		{">", "anything.at.all", true},
		{`/^orders\.(eu|us)$/`, "orders.us", true},
		{`/^orders\.(eu|us)$/`, "orders.uk", false},
	} {
		e := &endpoint.Endpoint{Periods: []endpoint.Period{{Events: []string{"*"}, Topics: []string{c.pattern}, Active: true}}}
		if got := e.Takes(message(orders, place("one", 1), c.topic, "x")); got != c.want {
			t.Errorf("%q takes topic %q: %v, want %v", c.pattern, c.topic, got, c.want)
		}
	}
}

// Three periods: odd types from 10 on, everything from 20 on, nothing from 30 on.
func TestTakesAsksTheLastItemThatHolds(t *testing.T) {
	t.Parallel()
	from := func(seq int64) bus.Positions { return bus.Positions{orders: place("one", seq)} }
	e := &endpoint.Endpoint{Periods: []endpoint.Period{
		{From: from(10), Events: []string{"odd"}, Active: true, Revision: 3},
		{From: from(20), Events: []string{"*"}, Active: true, Revision: 5},
		{From: from(30), Events: []string{"*"}, Active: false, Revision: 8},
	}}
	for _, c := range []struct {
		name      string
		partition bus.Partition
		at        bus.Position
		eventType string
		revision  int64
		want      bool
	}{
		{"in front of the first period", orders, place("one", 10), "odd", 8, false},
		{"first period", orders, place("one", 11), "odd", 8, true},
		{"first period, other type", orders, place("one", 20), "even", 8, false},
		{"second period", orders, place("one", 21), "even", 8, true},
		{"inactive", orders, place("one", 31), "even", 8, false},
		{"by an older list", orders, place("one", 31), "even", 7, true},
		{"by the first list", orders, place("one", 31), "even", 4, false},
		{"by the first list, its type", orders, place("one", 31), "odd", 3, true},
		{"before it existed", orders, place("one", 31), "odd", 2, false},
		{"a partition that came later", "NEW", place("one", 1), "odd", 7, true},
		{"a recreated partition", orders, place("two", 1), "even", 5, true},
		{"a recreated partition, newest period", orders, place("two", 1), "even", 8, false},
	} {
		if got := e.TakesBy(c.revision, message(c.partition, c.at, "t", c.eventType)); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
	if e.Takes(message(orders, place("one", 31), "t", "odd")) {
		t.Error("Takes does not ask the newest period")
	}
}

func FuzzTypePattern(f *testing.F) {
	for _, seed := range [][2]string{{"*", "a"}, {"a*b*", "axbx"}, {"**", ""}, {"com.*.x", "com.y.x"}} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, pattern, text string) {
		if len(pattern) > 12 || len(text) > 24 {
			return
		}
		e := &endpoint.Endpoint{Periods: []endpoint.Period{{Events: []string{pattern}, Active: true}}}
		if got, want := e.Takes(message(orders, place("one", 1), "t", text)), slowMatch(pattern, text); got != want {
			t.Fatalf("%q takes %q: %v, want %v", pattern, text, got, want)
		}
	})
}

// slowMatch is the definition: a star stands for any run of characters.
func slowMatch(pattern, text string) bool {
	head, rest, star := strings.Cut(pattern, "*")
	if !star {
		return pattern == text
	}
	if !strings.HasPrefix(text, head) {
		return false
	}
	for i := len(head); i <= len(text); i++ {
		if slowMatch(rest, text[i:]) {
			return true
		}
	}
	return false
}

func BenchmarkTakes(b *testing.B) {
	store := endpointtest.New()
	e := endpoint.Default()
	e.Name, e.URL, e.Signature = "crm", "https://crm.example/", "none"
	e.Events, e.Topics = []string{"com.acme.order.*", "*.paid"}, []string{"orders.>"}
	e, err := endpoint.NewRegistry(store, nil, endpoint.Options{}).Create(b.Context(), e)
	if err != nil {
		b.Fatal(err)
	}
	m := message(orders, place("one", 2), "orders.eu", "com.acme.invoice.paid")
	b.ReportAllocs()
	for b.Loop() {
		e.Takes(m)
	}
}
