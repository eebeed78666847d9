package tenant_test

import (
	"strings"
	"testing"

	"github.com/hookspan/hookspan/bridge/event"
	"github.com/hookspan/hookspan/bridge/tenant"
)

func rule(t *testing.T, text string) *tenant.Rule {
	t.Helper()
	r, err := tenant.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return &r
}

func TestRuleFindsWhoseAnEventIs(t *testing.T) {
	t.Parallel()
	longest := strings.Repeat("x", tenant.MaxBytes)
	for _, c := range []struct {
		name, rule, extension, data string
		want                        string
		flawed                      bool
	}{
		{name: "nothing is said"},
		{name: "the extension", extension: "acme", want: "acme"},
		{name: "the extension, with spaces around it", extension: " acme ", want: "acme"},
		{name: "an extension of spaces", extension: "  "},
		{name: "the longest name", extension: longest, want: longest},
		{name: "a longer one", extension: longest + "x", flawed: true},
		{name: "control characters", extension: "ac\nme", flawed: true},
		{name: "what is no UTF-8", extension: "ac\xffme", flawed: true},
		{name: "the extension counts before the rule", rule: "/partner", extension: "acme", data: `{"partner":"evil"}`, want: "acme"},
		{name: "one that is flawed counts, too", rule: "/partner", extension: "ac\x00me", data: `{"partner":"evil"}`, flawed: true},
		{name: "an attribute", rule: "partner", want: "by attribute"},
		{name: "the subject", rule: "subject", want: "by subject"},
		{name: "the source", rule: "source", want: "/by/source"},
		{name: "the type", rule: "type", want: "by.type"},
		{name: "a pointer", rule: "/a/b~1c", data: `{"a":{"b/c":"acme"}}`, want: "acme"},
		{name: "with escapes", rule: "/a", data: `{"a":"\u0061cm\u00e9"}`, want: "acmé"},
		{name: "a number is its text", rule: "/a", data: `{"a":-12.50e3}`, want: "-12.50e3"},
		{name: "null", rule: "/a", data: `{"a":null}`},
		{name: "an empty text", rule: "/a", data: `{"a":""}`},
		{name: "not there", rule: "/a", data: `{"b":"acme"}`},
		{name: "a boolean", rule: "/a", data: `{"a":true}`, flawed: true},
		{name: "an object", rule: "/a", data: `{"a":{"name":"acme"}}`, flawed: true},
		{name: "an array", rule: "/a", data: `{"a":["acme"]}`, flawed: true},
		{name: "a control character in it", rule: "/a", data: `{"a":"ac\u0000me"}`, flawed: true},
		{name: "half a surrogate pair", rule: "/a", data: `{"a":"\ud800"}`, flawed: true},
		{name: "a huge text", rule: "/a", data: `{"a":"` + strings.Repeat("x", 1<<20) + `"}`, flawed: true},
		{name: "a huge number", rule: "/a", data: `{"a":1` + strings.Repeat("0", 1<<10) + `}`, flawed: true},
		{name: "the longest name, escaped", rule: "/a", data: `{"a":"` + strings.Repeat(`\u0078`, tenant.MaxBytes) + `"}`, want: longest},
		{name: "of a key that is there twice the last", rule: "/a", data: `{"a":"one","a":"two"}`, want: "two"},
		{name: "data that is no JSON", rule: "/a", data: `a=acme`},
		{name: "no data", rule: "/a"},
	} {
		e := &event.Event{Source: "/by/source", Type: "by.type", Subject: "by subject", Data: []byte(c.data)}
		e.SetExtension("partner", "by attribute")
		if c.extension != "" {
			e.SetExtension(tenant.Attribute, c.extension)
		}
		if got, flaw := rule(t, c.rule).Of(e); got != c.want || (flaw != "") != c.flawed {
			t.Errorf("%s: %q, flaw %q; want %q, flawed %v", c.name, got, flaw, c.want, c.flawed)
		}
	}
}

func TestParseRefusesWhatIsNoRule(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"Tenant", "ce-tenant", "header:X-Tenant", "partner id", "/a~", "id", "data", "time", "/" + strings.Repeat("a", 600)} {
		if _, err := tenant.Parse(text); err == nil {
			t.Errorf("%.40q was taken", text)
		}
	}
	for _, text := range []string{tenant.Attribute, "subject", "partner2", "/data/partner_org_id"} {
		if got := rule(t, text).String(); got != text {
			t.Errorf("%q is shown as %q", text, got)
		}
	}
	if got := rule(t, "").String(); got != tenant.Attribute {
		t.Errorf("without a rule it is %q", got)
	}
}

func TestValuesThatDifferAreNoTenant(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		values []string
		want   string
		flawed bool
	}{
		{nil, "", false}, {[]string{""}, "", false}, {[]string{"acme"}, "acme", false}, {[]string{"acme", "acme"}, "acme", false},
		{[]string{"acme", "other"}, "", true}, {[]string{"acme", ""}, "", true},
	} {
		if got, flaw := tenant.One(c.values); got != c.want || (flaw != "") != c.flawed {
			t.Errorf("%q: %q, flaw %q; want %q", c.values, got, flaw, c.want)
		}
	}
}

// Whatever comes, what counts as a tenant can be an attribute of an event and is short.
func FuzzRule(f *testing.F) {
	for _, seed := range [][2]string{{"/a", `{"a":"x"}`}, {"/a/0", `{"a":[1e9]}`}, {"/", "{\"\":\"\\ud800\"}"}, {"partner", " \x00"}} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, text, data string) {
		r, err := tenant.Parse(text)
		if err != nil {
			return
		}
		e := &event.Event{Data: []byte(data), Subject: data, Source: data, Type: data}
		e.SetExtension("partner", data)
		name, flaw := r.Of(e)
		if len(name) > tenant.MaxBytes || !event.Allowed(name) || name != strings.Trim(name, " ") || name != "" && flaw != "" {
			t.Errorf("%q finds %q, flaw %q", text, name, flaw)
		}
	})
}
