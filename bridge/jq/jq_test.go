package jq_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/hookspan/hookspan/bridge/event"
	"github.com/hookspan/hookspan/bridge/jq"
)

func order() *event.Event {
	return &event.Event{
		ID: "evt-1", Source: "/sources/shop", Type: "com.shop.order.paid", Subject: "eu/7", Time: time.Date(2026, 5, 4, 10, 0, 0, 0, time.UTC), DataContentType: "application/json",
		Data:       []byte(`{"id":7,"total":19.90,"big":12345678901234567890,"name":"Zoë","items":[{"sku":"a","n":2,"price":5},{"sku":"b","n":1,"price":9.9}],"ok":true,"none":null,"tags":["x","y","x"]}`),
		Extensions: []event.Extension{{Name: "priority", Value: "7", Kind: event.Integer}, {Name: "test", Value: "false", Kind: event.Boolean}},
	}
}

// evaluate is the first output as JSON, "" for none.
func evaluate(text string, e *event.Event) (string, error) {
	x, err := jq.Compile(text)
	if err != nil {
		return "", err
	}
	budget := jq.TransformSteps
	v, ok, err := x.First(jq.Input(e), &budget)
	if !ok || err != nil {
		return "", err
	}
	raw, _ := jq.Encode(v, 1<<20)
	return string(raw), nil
}

func TestWhatAnExpressionSees(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`.attributes.type`:                      `"com.shop.order.paid"`,
		`.attributes | [.priority, .test]`:      `[7,false]`,
		`.attributes.time`:                      `"2026-05-04T10:00:00Z"`,
		`.attributes | keys`:                    `["datacontenttype","id","priority","source","specversion","subject","test","time","type"]`,
		`.data.total`:                           `19.9`,
		`.data.big`:                             `12345678901234567890`, // as long as nothing is calculated with it
		`.data.big + 0`:                         `12345678901234567000`,
		`.data | del(.items, .big) | keys`:      `["id","name","none","ok","tags","total"]`,
		`[.data.items[] | .n * .price] | add`:   `19.9`,
		`.data.items | map(select(.n > 1).sku)`: `["a"]`,
		`.data.name | length`:                   `3`,
		`.data.tags | unique | join("-")`:       `"x-y"`,
		`"\(.data.id): \(.data.tags)"`:          `"7: [\"x\",\"y\",\"x\"]"`,
		`@base64 "id=\(.data.id)"`:              `"id=Nw=="`,
		`empty`:                                 ``,
		`1, 2`:                                  `1`,
		`keys`:                                  `["attributes","data"]`,
		`[limit(4; 1 | repeat(. * 2))]`:         `[1,2,4,8]`,
		`.data.none // "d"`:                     `"d"`,
		`.data | has("id") and .ok`:             `true`,
		`reduce range(2000) as $i (0; . + $i)`:  `1999000`,
		`.data.items[0] |= {sku}`:               `{"attributes":`,
		`"2026-05-04T10:00:00Z" | fromdate`:     `1777888800`,
		`1777888800 | todate`:                   `"2026-05-04T10:00:00Z"`,
	} {
		got, err := evaluate(text, order())
		if err != nil || got != want && !(strings.HasSuffix(want, ":") && strings.HasPrefix(got, want)) {
			t.Errorf("%s: %s, error %v, want %s", text, got, err, want)
		}
	}
	for data, want := range map[string]string{
		"":                   `{"data":null}`,
		" ":                  `{"data":" "}`,
		"a=1":                `{"data":"a=1"}`,
		` "x" `:              `{"data":"x"}`,
		"5":                  `{"data":5}`,
		"\xff\x00":           `{"data":null,"data_base64":"/wA="}`,
		`{"a":1,"a":2,"":3}`: `{"data":{"":3,"a":2}}`,
		strings.Repeat("[", 5000) + strings.Repeat("]", 5000): `{"data":"` + strings.Repeat("[", 5000) + strings.Repeat("]", 5000) + `"}`,
	} {
		e := order()
		e.Data = []byte(data)
		if got, err := evaluate("del(.attributes)", e); got != want || err != nil {
			t.Errorf("%.40q: %.80s, error %v, want %.80s", data, got, err, want)
		}
	}
}

func TestErrorsSayWhereAndNotWhat(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                             "at 1: is empty",
		".data.":                       "at 7: ends too early",
		".a ]":                         "at 4: does not go on with ]",
		`"é" | nope(1)`:                "at 7: there is no function nope/1",
		". as $x | $y":                 "at 11: there is no variable $y here",
		"1 | now":                      "at 5: there is no function now/0",
		"input":                        "at 1: there is no function input/0",
		"env.PATH":                     "at 1: there is no function env/0",
		"$ENV.PATH":                    "at 1: there is no variable $ENV here",
		"halt":                         "at 1: there is no function halt/0",
		"debug":                        "at 1: there is no function debug/0",
		`import "a" as a; a::b`:        "names a module",
		`include "a"; .`:               "names a module",
		"break $out":                   "at 7: leaves label $out",
		`.x | test("(")`:               "at 6: test has a regular expression that cannot be read",
		`test("a{1000}{1000}")`:        "at 1: test has a regular expression that cannot be read",
		`test("(a{900}b{900}c{900})")`: "at 1: test has a regular expression that is too large",
		`test("a"; "q")`:               "at 1: test has a flag that is none of g, i and m",
		"@nope":                        "there is no format @nope",
		"\xff":                         "at 1: is no UTF-8 text",
		strings.Repeat("(", 400) + "1" + strings.Repeat(")", 400): "is nested more than 300 deep",
		strings.Repeat("a", 20000):                                "at 1: is longer than 16384 bytes",
		`.data.name + 1`:                                          "values of type string and number cannot be added",
		`.data.id.x`:                                              "a value of type number has no parts named by a value of type string",
		`.data[]  | .[]`:                                          "there is nothing to go through in a value of type number",
		`error(.data.name)`:                                       "the expression raised an error",
		`error("no name")`:                                        "raised: no name",
		`1 / (.data.id - 7)`:                                      "is a division by zero",
		`{(.data.id): 1}`:                                         "the key of an object is a string",
		`.data | .x.y = 1 | path(1)`:                              "is no path",
		`def f: f; f`:                                             "is nested too deep",
		`[range(1e9)]`:                                            "takes too long",
	} {
		got, err := evaluate(text, order())
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%.40s: %.60s, error %v, want %s", text, got, err, want)
		}
		if err != nil && strings.Contains(err.Error(), "Zo") {
			t.Errorf("%s: %v repeats what the event holds", text, err)
		}
	}
}

func TestErrorsAreCaught(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`try error("x") catch .`:     `"x"`,
		`try error({a: 1}) catch .a`: `1`,
		`[.data[] | .sku?]`:          `[null]`,
		`[(1, error("x"), 2)?]`:      `[1]`,
		`try (1 / 0) catch "zero"`:   `"zero"`,
		`try ((1, 2) | if . == 2 then error("x") else . end) catch "c"`:                        `1`,
		`[label $out | 1, break $out, 2]`:                                                      `[1]`,
		`[.[]?, "a"[]?]`:                                                                       `[{`,
		`(try error("x") catch error("y"))? // "none"`:                                         `"none"`,
		`[first(range(10), error("never"))]`:                                                   `[0]`,
		`[[[3]] | .[] as [$a] ?// $a | if ($a | type) == "array" then error("x") else $a end]`: `[3]`,
		`isvalid(error("x"))`:                                                                  `false`,
	} {
		got, err := evaluate(text, order())
		if err != nil || got != want && !(len(want) == 2 && strings.HasPrefix(got, want)) {
			t.Errorf("%s: %s, error %v, want %s", text, got, err, want)
		}
	}
	for _, text := range []string{`try [range(1e9)] catch 1`, `def f: f; try f catch 1`, `[range(1e9)]? // 1`, `("a" * 1e12)?`, `[1] | .[1e7] = 1 | length`} {
		if got, err := evaluate(text, order()); err == nil {
			t.Errorf("%s: %s, want an error that nothing catches", text, got)
		}
	}
}

func TestExpressionsMayBeShared(t *testing.T) {
	t.Parallel()
	x, err := jq.Compile(`.data.items |= (map(.n += 1) | sort_by(.price)) | [.data.items[].n, (.data.name | test("^Z"))]`)
	if err != nil {
		t.Fatal(err)
	}
	in := jq.Input(order())
	done := make(chan string, 8)
	for range cap(done) {
		go func() {
			budget := jq.FilterSteps
			v, _, _ := x.First(in, &budget)
			raw, _ := jq.Encode(v, 100)
			done <- string(raw)
		}()
	}
	for range cap(done) {
		if got := <-done; got != `[3,2,true]` {
			t.Errorf("%s", got)
		}
	}
}

func TestEncodeIsBounded(t *testing.T) {
	t.Parallel()
	for text, fits := range map[string]bool{
		`"a" * 98`: true, `"a" * 99`: false, `[range(50)]`: false, `[range(30)]`: true, `reduce range(60) as $i (0; [., .])`: false, `{("k" * 99): 1}`: false, `reduce range(49) as $i ([]; [.])`: true,
	} {
		x, err := jq.Compile(text)
		if err != nil {
			t.Fatal(err)
		}
		budget := jq.TransformSteps
		v, _, err := x.First(nil, &budget)
		if err != nil {
			t.Fatal(err)
		}
		if raw, ok := jq.Encode(v, 100); ok != fits || ok && len(raw) > 100 {
			t.Errorf("%s: %v, %d bytes", text, ok, len(raw))
		}
	}
}

// The same steps are counted each time, and a budget that is used up stays so.
func TestABudgetIsForSeveral(t *testing.T) {
	t.Parallel()
	x, err := jq.Compile(`[range(100)] | length`)
	if err != nil {
		t.Fatal(err)
	}
	budget := jq.FilterSteps
	used := jq.Budget(0)
	for i := range 1000 {
		before := budget
		_, _, err := x.First(nil, &budget)
		if err != nil {
			if !errors.Is(err, jq.ErrSpent) || i < 10 {
				t.Fatal(i, err)
			}
			return
		}
		if n := before - budget; i > 0 && n != used {
			t.Fatalf("%d steps, then %d", used, n)
		}
		used = before - budget
	}
	t.Error("the budget never ends")
}
