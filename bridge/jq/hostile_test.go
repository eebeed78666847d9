package jq_test

import (
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/hookspan/hookspan/bridge/jq"
)

// hostile expressions would take all memory or time if they could.
var hostile = []string{
	`[range(1e9)] | length`, `"x" * 1e10`, `"x" * 1e6 * 1e6`, `[limit(1e9; repeat(1))]`, `reduce range(64) as $i ("ab"; . + .)`, `reduce range(64) as $i ([1]; . + .)`,
	`reduce range(200) as $i (0; [., .]) | tojson`, `reduce range(200) as $i (0; [., .]) | . == [1]`, `reduce range(200) as $i (0; [., .]) | flatten`, `reduce range(200) as $i (0; {a: ., b: .}) | [paths]`,
	`reduce range(200) as $i (0; [., .]) as $x | $x == ($x | tojson | fromjson)`, `reduce range(200) as $i ({}; {a: ., b: .}) * reduce range(200) as $i ({}; {a: ., b: .})`,
	`reduce range(1e9) as $i (0; [.])`, `[reduce range(400000) as $i (0; [.])] | tojson`, `reduce range(400000) as $i (0; [.]) | . == (. | tojson)`, `[range(100000)] | map([range(100000)])`,
	`def f: f; f`, `def f: 1 + f; f`, `def f(x): f(f(x)); f(1)`, `def f: [f, f]; f`, `def f: .[] as $x | f; [range(1000)] | f`, `recurse(.)`, `[recurse([., .])]`, `last(repeat(1))`,
	`until(false; .)`, `while(true; .)`, `[while(true; [., .])]`, `[range(0; 1; 1e-12)]`, `limit(1e18; range(1e18)) | empty`, `[range(3000)] | combinations`, `[[range(1000)], [range(1000)], [range(1000)]] | [combinations]`,
	`[range(100000)] | .[] |= .`, `[range(20000)] | reduce range(20000) as $i (.; .[$i] = 0)`, `reduce range(1e6) as $i ({}; .["\($i)"] = $i)`, `[1] | .[1e7] = 1`, `.[1e9] = 1`, `[range(100000)] | [.[range(100000):]]`,
	`[range(300000)] | sort_by(-.)`, `[range(100000) | tostring] | group_by(.)`, `[range(2000)] - [range(2000)]`, `[range(3000)] | indices([range(1500)])`, `("a" * 100000) | explode | implode | explode`,
	`("a" * 100000) | test("(a*)*b")`, `("a" * 100000) | [match("a*?"; "g")]`, `("a" * 10000) | gsub("a"; "bb")`, `("ab" * 100000) | [scan("a.*z|a")]`, `"x" | test("(?i)" + ("[\u0080-\uffff]" * 40))`,
	`[range(1e6) | test("a\(.)"; null)]`, `"a" | test(("(x{30}){30}") * 20)`, `[range(100000)] | join("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")`, `[range(10000) | {key: "\(.)", value: .}] | from_entries | with_entries(.)`,
	`[.] | until(false; . + .)`, `"\([range(1e6)])\([range(1e6)])"`, `@base64 "\("a" * 1e8)"`, `[range(1e5) | @html "\("<" * 1e4)"]`, `("%1024d" * 33) as $f | [range(1e6) | strftime($f)]`, `[splits("a"; null)]`,
	`{} | .a.b.c.d |= (. as $x | [range(1e6)])`, `[range(5000)] | del(.[range(5000)])`, `[range(1000)] | [.[:range(1000)] |= .]`, `getpath([range(1e6)])`, `setpath([range(100000)]; 1)`, `reduce range(1e5) as $i (null; setpath([range(1000)]; .))`,
	`[paths(..)]`, `[.. | .. | ..]`, `[range(1e6) as [$a] ?// {a: $b} ?// $c | 1]`, `[foreach range(1e9) as $i (0; 1)]`, `label $f | range(1e9)`, `try repeat(error("x")) catch repeat(.)`, `[range(1000)] | transpose?, ([.[] | [.]] | [transpose, transpose])`,
	`[limit(100000; repeat([range(1000)]))]`, `[range(1e5)] | tojson | fromjson | tojson`, `first(range(1e12) | select(. > 1e11))`, `[range(1e5)] | unique_by(tojson)`, `$__loc__`, `[range(1e9)] as $x | 1`, `ltrimstr("a" * 1e9)`,
	strings.Repeat(`[range(1000)] | `, 300) + `1`, "[" + strings.Repeat("1,", 8000) + "1]", strings.Repeat(`{"a":`, 250) + "1" + strings.Repeat("}", 250), strings.Repeat("1+", 250) + "1", strings.Repeat("-", 8000) + "1", strings.Repeat("def f: 1; ", 1600) + "f",
	"{" + strings.Repeat("a:1,", 4000) + "b:1}", strings.Repeat(".a", 8000), strings.Repeat(".[0]", 4000), `"` + strings.Repeat(`\(1)`, 4000) + `"`, strings.Repeat("if 1 then 1 el", 1000) + "se 1 end",
}

// Whatever an expression does, it ends in about the time that its budget stands for, and never holds
// much memory.
func TestHostileExpressionsAreBounded(t *testing.T) {
	var most time.Duration
	var largest uint64
	for _, text := range hostile {
		x, err := jq.Compile(text)
		if err != nil {
			continue
		}
		for _, budget := range []jq.Budget{jq.FilterSteps, jq.TransformSteps} {
			full := budget
			took, held := measured(func() { _, _, _ = x.First([]any{1, "a"}, &budget) })
			if full != jq.TransformSteps {
				if took > time.Second {
					t.Errorf("%.60s: %v as a filter", text, took)
				}
				continue
			}
			t.Logf("%8.1f ms %7.1f MB  %.60s", float64(took.Microseconds())/1e3, float64(held)/1e6, text)
			most, largest = max(most, took), max(largest, held)
			if took > 10*time.Second {
				t.Errorf("%.60s: %v", text, took)
			}
			if held > 400<<20 {
				t.Errorf("%.60s: %d MB were made", text, held>>20)
			}
		}
	}
	t.Logf("at the most %v, %d MB made", most, largest>>20)
}

// measured is how long something takes and how many bytes it makes; what it holds at once is less.
func measured(do func()) (time.Duration, uint64) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	began := time.Now()
	do()
	took := time.Since(began)
	runtime.ReadMemStats(&after)
	return took, after.TotalAlloc - before.TotalAlloc
}

// FuzzFirst: no text makes it panic, what compiles ends within its budget, and has the same result
// each time.
func FuzzFirst(f *testing.F) {
	for _, text := range hostile {
		f.Add(text, `{"a":[1,"b",null]}`)
	}
	for _, text := range []string{`.`, `..`, `.a[1:]?`, `. as {a: [$x, $y]} | $x`, `{a, "b": 1, (.a | tojson): 2}`, `@csv`, `"\(1 + 2)"`, `.a |= map(. // 1)`, `del(.a[0, 1])`, `def f($x; y): $x + y; f(1; 2)`, `limit(3; .[]?)`, `label $a | 1, break $a`} {
		f.Add(text, `{"a":[1,"b",null],"c":{"d":1.5}}`)
	}
	f.Fuzz(func(t *testing.T, text, data string) {
		x, err := jq.Compile(text)
		if err != nil {
			return
		}
		in, ok := jq.Decode(strings.ToValidUTF8(data, "?"))
		if !ok {
			in = data
		}
		results := [2]string{}
		for i := range results {
			budget := jq.FilterSteps
			v, ok, err := x.First(in, &budget)
			raw, fits := jq.Encode(v, 1<<16)
			if !fits {
				raw = nil
			}
			results[i] = string(raw)
			if err != nil {
				results[i] = "error " + err.Error()
			}
			if ok && err == nil && fits {
				if _, again := jq.Decode(string(raw)); !again {
					t.Fatalf("%q yields %q, which is no JSON", text, raw)
				}
			}
		}
		if results[0] != results[1] {
			t.Fatalf("%q: %q, then %q", text, results[0], results[1])
		}
	})
}
