package order_test

import (
	"testing"

	"github.com/hookspan/hookspan/bridge/event"
	"github.com/hookspan/hookspan/bridge/order"
)

func TestKeys(t *testing.T) {
	t.Parallel()
	made := func(change func(*event.Event)) *event.Event {
		e := &event.Event{ID: "1", Source: "/s", Type: "t", Subject: "o1", Data: []byte(`{"customer":{"id":7,"vip":true,"name":"o1"},"none":null,"list":[1]}`)}
		if change != nil {
			change(e)
		}
		return e
	}
	partitioned := made(func(e *event.Event) { e.SetExtension("partitionkey", "p1") })
	for name, c := range map[string]struct {
		rule string
		a, b *event.Event
		same bool // with each other
		none bool // a has no key
	}{
		"by default the subject":       {a: made(nil), b: made(func(e *event.Event) { e.ID, e.Data = "2", nil }), same: true},
		"another subject":              {a: made(nil), b: made(func(e *event.Event) { e.Subject = "o2" })},
		"partitionkey comes first":     {a: partitioned, b: made(func(e *event.Event) { e.Subject = "o2"; e.SetExtension("partitionkey", "p1") }), same: true},
		"and is no subject":            {a: partitioned, b: made(nil)},
		"neither":                      {a: made(func(e *event.Event) { e.Subject = "" }), none: true},
		"an attribute":                 {rule: "source", a: made(nil), b: made(func(e *event.Event) { e.Subject = "o2" }), same: true},
		"an extension":                 {rule: "tenant", a: made(func(e *event.Event) { e.SetExtension("tenant", "a") }), b: made(func(e *event.Event) { e.SetExtension("tenant", "b") })},
		"an extension that is missing": {rule: "tenant", a: made(nil), none: true},
		"a number":                     {rule: "/customer/id", a: made(nil), b: made(func(e *event.Event) { e.Data = []byte(`{"customer":{"id":7}}`) }), same: true},
		"another number":               {rule: "/customer/id", a: made(nil), b: made(func(e *event.Event) { e.Data = []byte(`{"customer":{"id":8}}`) })},
		"a text that is the number":    {rule: "/customer/id", a: made(nil), b: made(func(e *event.Event) { e.Data = []byte(`{"customer":{"id":"7"}}`) }), same: true},
		"a truth value":                {rule: "/customer/vip", a: made(nil), b: made(nil), same: true},
		"null":                         {rule: "/none", a: made(nil), none: true},
		"a list":                       {rule: "/list", a: made(nil), none: true},
		"what is not there":            {rule: "/nowhere", a: made(nil), none: true},
		"data that is no JSON":         {rule: "/customer/id", a: made(func(e *event.Event) { e.Data = []byte("hello") }), none: true},
		"without data":                 {rule: "/customer/id", a: made(func(e *event.Event) { e.Data = nil }), none: true},
		"an escaped text is the one it stands for": {rule: "/customer/name", a: made(nil), b: made(func(e *event.Event) { e.Data = []byte(`{"customer":{"name":"\u006f1"}}`) }), same: true},
	} {
		r, err := order.Parse(c.rule)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		key := r.Of(c.a)
		if (key == "") != c.none || len(key) > 13 {
			t.Errorf("%s: key %q", name, key)
		}
		if c.b != nil && (key == r.Of(c.b)) != c.same {
			t.Errorf("%s: keys %q and %q", name, key, r.Of(c.b))
		}
	}
}

func TestRulesThatAreNone(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"data", "Subject", "a b", "customer.id", "/a~2", "a\x00", "ä"} {
		if _, err := order.Parse(text); err == nil {
			t.Errorf("%q is taken", text)
		}
	}
}
