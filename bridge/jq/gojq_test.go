package jq_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/itchyny/gojq"

	"github.com/hookspan/hookspan/bridge/jq"
)

// alike are expressions that gojq evaluates as it is done here.
const alike = `
.
..
.a
.a.b?
.a["b"]
."a"
.["a", "b"]
.[0]?
.[-1]?
.[1:]?
.[:-1]?
.[1.5:2.5]?
.["a"]?.b?
.[]?
[.[]?]
[.[]?, .[]?]
[.. | numbers]
[..] | length
[paths]
[paths(type == "number")]
path(..)
[path(.a[]?, .b?)]
[path(getpath(["x", "y"])?)]
[path(first(.a?, .b?))]
[path(.a? // .b?)]
[path(if .a? then .a else .b? end)]
[path(limit(1; .[]?))]
path(.a? | select(. != null))
1 + 2 * 3 - 4 / 2 % 3
[(1, 2) + (10, 20)]
[(1, 2) * (3, 4)]
[(1, 2) as $x | (3, 4) as $y | $x - $y]
[.[]? as [$a, $b] | $a]
[. as {a: $x, b: [$y, $z]} | $x, $y, $z]?
. as [$a] ?// {$a} ?// $a | [$a]
[[1, 2], [3, 4]] | .[] as [$a, $b] | {a: $a, b: $b}
{a: 1, b: 2} as {a: $x, $b} | [$x, $b]
[{a: (1, 2), b: (3, 4)}]
[{("a", "b"): (1, 2)}]
{a: 1} | {a, "b": 2, "c d": 3, (.a | tostring): 4}
{"a b": 1} | {"a b"}
1 as $x | {$x}
[if (true, false, null) then 1 else 2 end]
if false then 1 elif null then 2 else 3 end
if . then 1 end
[true, false, null] | map(not)
[(true, false) and (true, false)]
[(true, false) or (true, false)]
[(null, false, 1) // 2]
[(null, false) // (3, 4)]
[.[]? | try error("x") catch .]
try error({a: 1}) catch .a
try error(null) catch .
[(1, 2, error("x"), 3)?]
[label $f | range(10) | ., (select(. == 3) | break $f)]
reduce range(5) as $i (0; . + $i)
reduce range(5) as $i (0; ., 10)
reduce empty as $i (3; 1)
[reduce range(3) as $i ((1, 2); . + $i)]
reduce range(3) as $i (0; empty)
[foreach range(5) as $i (0; . + $i)]
[foreach range(5) as $i (0; . + $i; [$i, .])]
[foreach range(3) as $i (0; (. + $i, 10); .)]
def f: . + 1; 3 | f | f
def f(g): g | g; 3 | f(. * 2)
def f($a; $b): $a + $b; [f(1, 2; 10, 20)]
def f($a): def g: $a + 1; g; f(3)
def fac: if . <= 1 then 1 else . * (. - 1 | fac) end; 10 | fac
def f(x): x as $v | def g: $v; g; [f(1, 2)]
[range(5)], [range(2; 5)], [range(0; 10; 3)], [range(5; 0; -2)], [range(0, 1; 3, 4)]
[limit(3; range(10))], [first(range(5))], [last(range(5))], [nth(2; range(5))], [skip(2; range(5))]
[.[]? | select(type == "number")]
[recurse(if . < 3 then . + 1 else empty end; . != null)]?
3 | [recurse(if . > 0 then . - 1 else empty end)]
2 | [recurse(. * .; . < 100)]
1 | [while(. < 100; . * 2)]
1 | until(. > 100; . * 2)
[.[]?] | any, all
[1, 2, 3] | any(. > 2), all(. > 0), any(.[]; . == 9), all(.[]; . < 3)
isempty(empty), isempty(1, 2)
[1, [2, [3, [4]]]] | flatten, flatten(1), flatten(0)
[3, 1, 2] | sort, reverse, min, max, add
[{a: 3, b: 1}, {a: 1, b: 2}, {a: 3, b: 0}] | sort_by(.a), sort_by(.a, .b), group_by(.a), unique_by(.a), min_by(.a), max_by(.a)
[null, true, false, 0, -1, "a", "", [], {}, [1], {"a": 1}, 1.5] | sort, unique, group_by(type)
[{}, {"b": 1}, {"a": 2}, {"a": 1, "b": 0}] | sort
[] | add, min, max, sort, first?, length
{"a": 1, "b": 2} | to_entries, keys, length, map_values(. + 1), with_entries(.value += 1), add
[{"key": "a", "value": 1}, {"name": "b", "value": 2}, {"Key": "c", "Value": 3}] | from_entries
{"a": {"b": 1}} * {"a": {"c": 2}} * {"a": {"b": {"d": 3}}}
{"a": 1} + {"a": 2, "b": 3} + null
[1, 2, 3, 2] - [2], ([1] + [2] + null), ([1, 2, 1, 2] | indices(1), indices([1, 2]), index(2), rindex(2))
"a,b, cd, efg" | indices(", "), index(","), rindex(","), split(", "), split(", "; null)
"aXbXc" / "X", ("abc" | split("")), ("" | split("a")), ("héllo" | split(""))
"abc" * 3, ("abc" * 0), (0 * "abc"), ("x" * 1.5)
"héllo" | length, utf8bytelength, explode, (explode | implode), .[1:3], .[-2:], .[1:], ascii_upcase, ascii_downcase
"  a b " | trim, ltrim, rtrim
"foobar" | ltrimstr("foo"), rtrimstr("bar"), startswith("foo"), endswith("x"), contains("oba"), test("O"; "i")
"test" | test("^t"), test("T"), [match("t"; "g").offset], capture("(?<x>e)(?<y>z)?"), [scan("t")], [scan("(t)(e)?")], sub("t"; "T"), gsub("t"; "T"), gsub("(?<l>[a-z])"; "\(.l)-")
"aébéc" | [match("é"; "g") | .offset, .length, .string], sub("é"; "e"), [splits("é")], split("é"; "g")
[1, "a", null] | join("-"), @csv, @tsv, @sh, @json, @text, @html
"<a href=\"x\">&" | @html, @uri
"<a href=\"x\">&'" | @uri, @base64, (@base64 | @base64d), @json, @sh
@html "x\("<")y\("&")", @json "v\([1, "a"])", @uri "q=\("a b+c/é")"
"a%20b%2Bc+d" | @urid
"x\(1, 2)y\(3, 4)z"
"" , "\u00e9\ud83d\ude00\n\t\"\\\/"
tojson, (tojson | fromjson)
[1, 1.0, 1.5, 1e3, 1e17, 1e-7, 100000000000000000000, -0, 3.0e10, 0.1, 123456789012] | tojson, map(tostring)
"12" | tonumber, ("1.50" | tonumber), ("-3e2" | tonumber)
["x" | tonumber?], ["true" | toboolean], [null | tostring]
[1.5, -1.5, 2.4] | map(floor), map(ceil), map(round), map(fabs), map(trunc), map(abs)
[4, 2.25] | map(sqrt), [pow(2; 10)], [1 | exp], [pow(2; 0.5)]
[infinite, -infinite, nan] | map(isinfinite), map(isnan), tojson
nan < nan, ([nan] | sort), (nan > nan), ([nan, 1] | min)
5 % 3, (-5 % 3), (5 % -3), (5.9 % 3.1), (1 / 3), (6 / 3)
1 == 1.0, ("a" < "b"), ([1, 2] < [1, 3]), ({} < []), (null < false)
.a? = 1
.a? |= 5
.a.b.c? = 1
(.a?, .b?) = 9
.[0]? = "x"
[1, 2, 3] | .[1] = 9, .[5] = 1, .[-1] = 7, .[1:] = ["x"], .[:1] |= map(. + 1), (.[] | select(. > 1)) |= . * 10
[1, 2, 3, 4] | .[] |= empty
[1, 2, 3, 4] | (.[] | select(. % 2 == 0)) |= empty
{"a": [1, 2], "b": 3} | .a[] += 1, .b -= 1, .b *= 2, .b /= 2, .b %= 2, .c //= 4, .a[0] = .b, .. |= ., (.a, .b) = (5, 6)
{"a": {"b": 1}} | .a |= with_entries(.value += 1), del(.a.b), del(.x), del(.a, .x), delpaths([["a", "b"]]), setpath(["a", "c"]; 2), getpath(["a", "b"]), to_entries
[1, 2, 3, 4] | del(.[0, 2]), del(.[1:3]), del(.[-1]), del(.[] | select(. > 2)), del(.[10])
{"a": [{"b": 1}, {"b": 2}]} | pick(.a[1].b), [.a[].b], (.a[] | .b) |= . + 1, walk(if type == "number" then . * 2 else . end)
[[1, 2], [3]] | transpose, combinations, [combinations]
[1, 2] | [combinations(2)]
[1, 3, 5] | bsearch(3), bsearch(4), bsearch(0)
[{"id": 1, "n": "a"}, {"id": 2, "n": "b"}] | INDEX(.id), (map(.id) | IN(.[]; 2)), [.[] | select(.id | IN(1, 5))]
[1, [2]] | tostream
[[1, [2]] | tostream] | fromstream(.[])
[1 | truncate_stream([[0], 1], [[1, 0], 2], [[1, 0]], [[1]])]
{"a": [1, 2]} | has("a"), has("b"), (.a | has(0), has(5)), ("a" | in({"a": 1})), contains({"a": [1]}), ({"a": [1]} | inside({"a": [1, 2]}))
["foobar", "baz"] | contains(["bar"]), (.[0] | contains("x"))
[.[]? | arrays, objects, iterables, booleans, numbers, strings, nulls, scalars, values]
1425599621 | todate, gmtime, (gmtime | mktime), strftime("%Y-%m-%d %H:%M:%S %j %a")
"2015-03-05T23:51:47Z" | fromdate, strptime("%Y-%m-%dT%H:%M:%SZ"), (strptime("%Y-%m-%dT%H:%M:%SZ") | mktime)
[splits("a")?]
[.[]?][1:][0]?
[[1, 2], [3, 4]] | .[0, 1][0, 1]
[[1, 2, 3]] | .[0][1:][0]
{"a": "x", "x": 5} | .[.a], {(.a): 1}
[1, 2] | . as [$a, $b] | {a: $a, $b}
{"k": {"a": 1}} | .k as {a: $v} | $v
-(1 + 2), -(.x? // 3)
[.[]? | -. ?]
to_entries?
`

var inputs = []string{
	`null`, `true`, `5`, `-1.5`, `"abc"`, `[]`, `[1,2,[3]]`, `[[1,2],["a",null]]`, `{}`, `{"a":1,"b":[2,3]}`, `{"a":{"b":{"c":null}},"x":"y"}`, `[{"a":1},{"a":"b"},null,false]`,
}

// all are the outputs of an expression, and how it ended.
func all(text string, in any) ([]string, bool) {
	x, err := jq.Compile("[" + text + "\n]")
	if err != nil {
		return []string{err.Error()}, false
	}
	budget := jq.TransformSteps
	v, _, err := x.First(in, &budget)
	if err != nil {
		return []string{err.Error()}, false
	}
	raw, _ := jq.Encode(v, 1<<20)
	return []string{string(raw)}, true
}

func theirs(text string, in any) ([]string, bool) {
	q, err := gojq.Parse("[" + text + "\n]")
	if err != nil {
		return []string{err.Error()}, false
	}
	v, _ := q.Run(in).Next()
	if err, is := v.(error); is {
		return []string{err.Error()}, false
	}
	raw, _ := gojq.Marshal(v)
	return []string{string(raw)}, true
}

func TestAgainstGojq(t *testing.T) {
	t.Parallel()
	for text := range strings.SplitSeq(strings.TrimSpace(alike), "\n") {
		for _, input := range inputs {
			ours, ok := jq.Decode(input)
			if !ok {
				t.Fatal(input)
			}
			dec := json.NewDecoder(strings.NewReader(input))
			dec.UseNumber()
			var their any
			if err := dec.Decode(&their); err != nil {
				t.Fatal(err)
			}
			got, ended := all(text, ours)
			want, wanted := theirs(text, their)
			if ended != wanted || ended && got[0] != want[0] {
				t.Errorf("%s of %s:\n%v, want\n%v", text, input, got, want)
			}
		}
	}
}
