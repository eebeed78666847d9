package topic_test

import (
	"testing"

	"github.com/hookspan/hookspan/bridge/topic"
)

func TestMeets(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{"hookspan.ops", "hookspan.events.>", false},
		{"hookspan.event.>", "hookspan.events.>", false},
		{"hookspan.events.shop.>", "hookspan.events.>", true},
		{"hookspan.events", "hookspan.events.>", false},
		{"hookspan.*", "hookspan.ops", true},
		{"*.ops", "hookspan.>", true},
		{"*.ops", "hookspan.events.>", false},
		{"orders.*.paid", "orders.eu.*", true},
		{"orders.*.paid", "orders.eu.*.x", false},
		{">", "a.b", true},
		{"orders", "orders", true},
		{"hookspan.ops", `/^hookspan\.events\./`, false},
		{"hookspan.events.shop", `/^hookspan\.events\./`, true},
		{"hookspan.event.*", `/^hookspan\.events\./`, false},
		{"hookspan.events.*", `/^hookspan\.events\./`, true},
		{"hookspan.*", `/^hookspan\.events\./`, true},
		{"shop.*", "/ops$/", true},
		{`/^hookspan\.ops$/`, `/^hookspan\.events\./`, false},
		{`/^hookspan\.events\.(shop|crm)$/`, `/^hookspan\.events\./`, true},
		{`/^(shop|crm)\./`, `/^hookspan\.events\./`, true},
		{`/^hooks?pan\./`, `/^hookpan\.events/`, true},
		{`/^shop|^crm/`, `/^crm\./`, true},
		{`/ops/`, `/^hookspan\.events\./`, true},
	} {
		a, errA := topic.Compile(c.a)
		b, errB := topic.Compile(c.b)
		if errA != nil || errB != nil {
			t.Fatal(errA, errB)
		}
		if a.Meets(b) != c.want || b.Meets(a) != c.want {
			t.Errorf("%s and %s: %v and %v, want %v", c.a, c.b, a.Meets(b), b.Meets(a), c.want)
		}
	}
	if topic.MeetsAny("a..b", []string{">"}) || !topic.MeetsAny("a.b", []string{"c", "a.*"}) {
		t.Error("one of several")
	}
}

func FuzzMeets(f *testing.F) {
	f.Add("a.*.c", "a.>", "a.b.c")
	f.Add(`/^a\.b/`, "a.>", "a.b.c")
	f.Add(`/^ab?c*/`, `/^a/`, "a")
	f.Fuzz(func(t *testing.T, a, b, name string) {
		p, errA := topic.Compile(a)
		q, errB := topic.Compile(b)
		if errA != nil || errB != nil || name == "" {
			return
		}
		if p.Match(name) && q.Match(name) && !p.Meets(q) {
			t.Errorf("%q fits %q and %q, and they do not meet", name, a, b)
		}
	})
}
