package filter_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hookspan/hookspan/bridge/event"
	"github.com/hookspan/hookspan/bridge/filter"
)

func order() *event.Event {
	return &event.Event{
		ID: "evt-1", Source: "/sources/shop", Type: "com.shop.order.paid", Subject: "eu/7", Time: time.Date(2026, 5, 4, 10, 0, 0, 0, time.UTC),
		DataSchema: "https://shop.example/order", Data: []byte(`{"canary":1}`),
		Extensions: []event.Extension{
			{Name: "priority", Value: "7", Kind: event.Integer}, {Name: "test", Value: "false", Kind: event.Boolean}, {Name: "region", Value: "12"}, {Name: "flag", Value: "true"},
		},
	}
}

func parse(t testing.TB, text string) (l filter.List) {
	t.Helper()
	if err := l.Parse(text); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	if len(l.Check()) > 0 {
		t.Fatalf("%s: %v", text, l.Check())
	}
	return l
}

func TestHolds(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		`[]`:   true,
		`null`: true,
		`[{"exact":{"type":"com.shop.order.paid"}}]`:                                                        true,
		`[{"exact":{"type":"com.shop.order.Paid"}}]`:                                                        false,
		`[{"exact":{"type":"com.shop.order.paid","subject":"eu/7"}}]`:                                       true,
		`[{"exact":{"type":"com.shop.order.paid","subject":"eu/8"}}]`:                                       false,
		`[{"exact":{"missing":"x"}}]`:                                                                       false,
		`[{"not":{"exact":{"missing":"x"}}}]`:                                                               true,
		`[{"exact":{"priority":"7","test":"false","specversion":"1.0"}}]`:                                   true,
		`[{"exact":{"time":"2026-05-04T10:00:00Z"}}]`:                                                       true,
		`[{"prefix":{"subject":"eu/","dataschema":"https://shop."}}]`:                                       true,
		`[{"prefix":{"subject":"us/"}}]`:                                                                    false,
		`[{"suffix":{"type":".paid"}}]`:                                                                     true,
		`[{"suffix":{"type":".shipped"}}]`:                                                                  false,
		`[{"all":[{"prefix":{"type":"com."}},{"suffix":{"type":".paid"}}]}]`:                                true,
		`[{"all":[{"prefix":{"type":"com."}},{"suffix":{"type":".x"}}]}]`:                                   false,
		`[{"any":[{"prefix":{"type":"org."}},{"suffix":{"type":".paid"}}]}]`:                                true,
		`[{"any":[{"prefix":{"type":"org."}},{"not":{"any":[{"exact":{"id":"evt-1"}}]}}]}]`:                 false,
		`[{"prefix":{"type":"com."}},{"exact":{"id":"evt-2"}}]`:                                             false, // each must hold
		`[{"sql":"priority > 5 AND NOT test AND region = 12"}]`:                                             true,
		`[{"sql":"time LIKE '2026-05-%' AND EXISTS dataschema"}]`:                                           true,
		`[{"jq":".data.canary == 1 and .attributes.priority > 5"}]`:                                         true,
		`[{"jq":".data | has(\"x\")"}]`:                                                                     false,
		`[{"jq":".data.x"}]`:                                                                                false,
		`[{"jq":"empty"}]`:                                                                                  false,
		`[{"jq":"false, true"}]`:                                                                            false, // the first output counts
		`[{"jq":"0"}]`:                                                                                      true,
		`[{"not":{"jq":".data.x"}},{"any":[{"jq":"false"},{"jq":".attributes.subject | test(\"^eu/\")"}]}]`: true,
		`[{"exact":{"id":"x"}},{"jq":"error"}]`:                                                             false,
		`[{"sql":"test"}]`:                                                                                  false,
		`[{"not":{"sql":"test"}}]`:                                                                          true,
		`[{"any":[{"exact":{"id":"evt-1"}},{"sql":"missing = 1"}]}]`:                                        true,  // decided before it fails
		`[{"exact":{"id":"x"}},{"sql":"missing = 1"}]`:                                                      false, // likewise
	} {
		if got, err := parse(t, text).Holds(order(), new(any)); got != want || err != nil {
			t.Errorf("%s: %v, error %v, want %v", text, got, err, want)
		}
	}
}

func TestFailuresSayWhichAndWhere(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`[{"exact":{"id":"evt-1"}},{"sql":"TRUE AND missing = 1"}]`:            "filters[1].sql: at 10: the event has no attribute missing",
		`[{"not":{"sql":"missing = 1"}}]`:                                      "filters[0].not.sql: at 1: the event has no attribute missing", // no error is ever a yes
		`[{"any":[{"exact":{"id":"x"}},{"all":[{"sql":"1 / 0 = 1"}]}]}]`:       "filters[0].any[1].all[0].sql: at 3: is a division by zero",
		`[{"jq":".data.canary.x"}]`:                                            "filters[0].jq: a value of type number has no parts named by a value of type string",
		`[{"not":{"jq":".data | error"}}]`:                                     "filters[0].not.jq: the expression raised an error",
		`[{"jq":"def f: f; f"}]`:                                               "filters[0].jq: ",
		`[{"jq":"[range(1e9)]"}]`:                                              "filters[0].jq: takes too long",
		`[` + strings.Repeat(`{"jq":"[range(500)]"},`, 199) + `{"jq":"true"}]`: "filters[",
		`[{"sql":"flag"}]`:                                                     "filters[0].sql: at 1: yields no boolean",
		`[{"sql":"subject > 5"}]`:                                              "filters[0].sql: at 1: the attribute subject is no integer",
		`[` + strings.Repeat(`{"sql":"LENGTH(CONCAT(long,long,long)) > 1"},`, 199) + `{"sql":"TRUE"}]`: "filters[", // one budget for all
	} {
		e := order()
		e.SetExtension("long", strings.Repeat("x", 4000))
		got, err := parse(t, text).Holds(e, new(any))
		if got || err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%.80s: %v, error %v, want %q", text, got, err, want)
		}
	}
}

func TestFaultsSayWhere(t *testing.T) {
	t.Parallel()
	deep := strings.Repeat(`{"not":`, 11) + `{"exact":{"id":"a"}}` + strings.Repeat("}", 11)
	for text, want := range map[string]string{
		`[{"sql":"type ="}]`: `[0].sql: at 7: want a value`,
		`[{"exact":{"id":"a"}},{"any":[{"sql":"NOPE(id)"}]}]`: `[1].any[0].sql: at 1: there is no function NOPE with that many arguments`,
		`[{"sql":"LENGTH(id)"}]`:                              `[0].sql: at 1: yields an integer; want an expression that is true or false`,
		`[{"sql":5}]`:                                         `[0].sql: must be a text, a CloudEvents SQL expression`,
		`[{"sql":null}]`:                                      `[0].sql: must be a text, a CloudEvents SQL expression`,
		`[{"xpath":"x"}]`:                                     `[0]: has no dialect that is known; give one of exact, prefix, suffix, all, any, not, sql, jq`,
		`[{"jq":5}]`:                                          `[0].jq: must be a text, a jq expression`,
		`[{"jq":null}]`:                                       `[0].jq: must be a text, a jq expression`,
		`[{"jq":".data."}]`:                                   `[0].jq: at 7: ends too early`,
		`[{"jq":"now > 5"}]`:                                  `[0].jq: at 1: there is no function now/0`,
		`[{"not":{"jq":"$ENV"}}]`:                             `[0].not.jq: at 1: there is no variable $ENV here`,
		`[{}]`:                                                `[0]: must be an object with one dialect: exact, prefix, suffix, all, any, not, sql, jq`,
		`[null]`:                                              `[0]: must be an object with one dialect: exact, prefix, suffix, all, any, not, sql, jq`,
		`["a"]`:                                               `[0]: must be an object with one dialect: exact, prefix, suffix, all, any, not, sql, jq`,
		`[{"exact":{"id":"a"},"not":{}}]`:                     `[0]: must be an object with one dialect: exact, prefix, suffix, all, any, not, sql, jq`,
		`[{"exact":{}}]`:                                      `[0].exact: must be an object of at least one attribute and the text that it is held against`,
		`[{"exact":{"myint":5}}]`:                             `[0].exact: must be an object of at least one attribute and the text that it is held against`,
		`[{"prefix":{"id":""}}]`:                              `[0].prefix.id: must be a text that is not empty`,
		`[{"prefix":{"id":null}}]`:                            `[0].prefix.id: must be a text that is not empty`,
		`[{"suffix":{"Type":"a"}}]`:                           `[0].suffix: "Type" is no attribute: names have small letters and digits alone, and the data is none`,
		`[{"exact":{"data":"a"}}]`:                            `[0].exact: "data" is no attribute: names have small letters and digits alone, and the data is none`,
		`[{"all":[]}]`:                                        `[0].all: must be a list of at least one filter`,
		`[{"any":{"exact":{"id":"a"}}}]`:                      `[0].any: must be a list of at least one filter`,
		`[{"not":[{"exact":{"id":"a"}}]}]`:                    `[0].not: must be an object with one dialect: exact, prefix, suffix, all, any, not, sql, jq`,
		`[` + deep + `]`:                                      `[0]` + strings.Repeat(".not", 10) + `: is nested more than 10 deep`,
		`[` + strings.Repeat(`{"exact":{"id":"a"}},`, 300) + `{"exact":{"id":"a"}}]`: `: has more than 200 filters, nested ones too`,
		`[{"exact":{"id":"` + strings.Repeat("a", 3000) + `"}}]`:                     `[0].exact.id: is longer than 2048 bytes`,
		`[{"sql":"` + strings.Repeat("a", 20000) + `"}]`:                             `: has 20012 bytes; 16384 are allowed`,
	} {
		var l filter.List
		if err := l.Parse(text); err != nil {
			t.Fatal(err)
		}
		got := ""
		for _, f := range l.Check() {
			got += f.Field + ": " + f.Message
		}
		if got != want {
			t.Errorf("%.80s:\n%s, want\n%s", text, got, want)
		}
		if ok, err := l.Holds(order(), new(any)); ok || err == nil {
			t.Errorf("%.80s holds", text)
		}
	}
	for _, text := range []string{``, `{}`, `"[]"`, `5`, `[`, `{"exact":{"id":"canary"}}`, `[{"exact":{"id":"canary"}}] x`} {
		var l filter.List
		if err := l.Parse(text); err == nil || strings.Contains(err.Error(), "canary") || !strings.Contains(err.Error(), "want a list of filters") {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestAListIsKeptAsItIs(t *testing.T) {
	t.Parallel()
	const text = `[{"exact":{"subject":"é","type":"<a>&"}},{"sql":"id <> 'a'"}]`
	l := parse(t, ` [ {"exact": {"type": "\u003ca>\u0026", "subject": "\u00e9"}}, {"sql": "id <> 'a'"} ] `)
	raw, err := json.Marshal(l)
	if err != nil {
		t.Fatal(err)
	}
	var back filter.List
	if err := json.Unmarshal(raw, &back); err != nil || !back.Equal(l) || !back.Equal(parse(t, text)) {
		t.Errorf("%s: %v", raw, err)
	}
	if got := fmt.Sprintf("%s", l.Show()); got != text {
		t.Errorf("shown %s", got)
	}
	if raw, err := json.Marshal(struct {
		A filter.List `json:"a,omitzero"`
		B filter.List `json:"b"`
	}{}); err != nil || string(raw) != `{"b":[]}` {
		t.Errorf("none: %s, %v", raw, err)
	}
	if diff := cmp.Diff(l, back); diff != "" {
		t.Error(diff)
	}
}

func TestNothingIsAllocated(t *testing.T) {
	l, e := parse(t, benchmark), order()
	var view any
	if n := testing.AllocsPerRun(100, func() {
		if ok, err := l.Holds(e, &view); !ok || err != nil {
			t.Fatal(ok, err)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// What is made of an event serves the next list.
func TestAViewIsShared(t *testing.T) {
	t.Parallel()
	var view any
	l, e := parse(t, `[{"jq":".data.canary == 1"}]`), order()
	if ok, err := l.Holds(e, &view); !ok || err != nil || view == nil {
		t.Fatal(ok, err, view)
	}
	if ok, err := l.Holds(&event.Event{}, &view); !ok || err != nil {
		t.Error("the view was made anew", ok, err)
	}
	if !l.LooksInside() || parse(t, benchmark).LooksInside() || !parse(t, `[{"not":{"all":[{"jq":"."}]}}]`).LooksInside() {
		t.Error("which lists look inside is not known")
	}
}

const benchmark = `[{"prefix":{"subject":"eu/"}},{"any":[{"exact":{"priority":"1"}},{"sql":"priority > 5 AND type LIKE 'com.shop.%'"}]}]`

func BenchmarkHolds(b *testing.B) {
	l, e := parse(b, benchmark), order()
	b.ReportAllocs()
	var view any
	for b.Loop() {
		if ok, err := l.Holds(e, &view); !ok || err != nil {
			b.Fatal(ok, err)
		}
	}
}

// FuzzList: no list makes it panic, and one that compiles is read back as it is.
func FuzzList(f *testing.F) {
	for _, seed := range []string{benchmark, `[{"not":{"all":[{"suffix":{"type":"a"}}]}}]`, `[{"sql":"type ="}]`, `[{"jq":".data | .. | select(.a == 1)?"}]`, `[{"not":null}]`, `[[]]`, `{`, `[{"any":[{}]}]`, `[{"exact":{"":""}}]`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var l filter.List
		if l.Parse(text) != nil {
			return
		}
		ok, err := l.Holds(order(), new(any))
		if len(l.Check()) > 0 {
			if ok || err == nil {
				t.Fatalf("%s holds", text)
			}
			return
		}
		raw, fault := json.Marshal(l)
		var back filter.List
		if fault != nil || json.Unmarshal(raw, &back) != nil || !back.Equal(l) {
			t.Fatalf("%s became %s", text, raw)
		}
	})
}
