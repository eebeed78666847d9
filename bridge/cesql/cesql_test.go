package cesql_test

import (
	"strings"
	"testing"
	"time"

	"github.com/hookspan/hookspan/bridge/cesql"
)

var order = attributes{
	"id": "evt-7", "source": "/sources/shop", "type": "com.shop.order.paid", "subject": "ünïcödé", "priority": uint64(7), "test": true, "empty": "",
}

func evaluate(text string, a cesql.Attributes) (any, error) {
	x, err := cesql.Parse(text)
	if err != nil {
		return nil, err
	}
	budget := cesql.Steps
	v, err := x.Evaluate(a, &budget)
	return v.Any(), err
}

func TestEvaluate(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]any{
		"type = 'com.shop.order.paid'":       true,
		"TYPE = \"com.shop.order.paid\"":     true,
		"priority > 5 AND test":              true,
		"priority = '7'":                     true, // cast to the type of the right operand
		"priority+1=8":                       true,
		"4-1":                                int32(3),
		"4 -1":                               int32(3),
		"2 - 3 - 4":                          int32(-5),
		"2 + 3 * 4 % 5":                      int32(4),
		"-7 / 2":                             int32(-3),
		"-7 % 3":                             int32(-1),
		"+5":                                 int32(5),
		"-2147483648":                        int32(-2147483648),
		"FALSE AND TRUE OR TRUE":             false, // groups from the right
		"TRUE OR FALSE AND FALSE":            true,
		"NOT test = FALSE":                   true, // NOT binds first
		"NOT NOT test":                       true,
		"1 < 2 = TRUE":                       true,
		"EXISTS subject AND NOT EXISTS time": true,
		"EXISTS empty":                       true,
		"subject LIKE '_n_c_d_'":             true,
		"subject LIKE '%ö%'":                 true,
		"type LIKE 'com.%.order.%'":          true,
		"type LIKE '%.p_id'":                 true,
		"type LIKE '%order_paid%'":           true,
		"type LIKE '%order_.paid%'":          false,
		"type LIKE 'com%' LIKE 'true'":       true,
		"'' LIKE ''":                         true,
		"'' LIKE '%%'":                       true,
		"'a' LIKE ''":                        false,
		"'aXbXc' LIKE 'a%X_'":                true,
		"'ab' LIKE 'ab%b'":                   false, // the parts do not overlap
		`'a\\b' LIKE 'a\\_'`:                 false,
		`'a_b' LIKE 'a\_b'`:                  true,
		"'it''s' = \"it's\"":                 true,
		`'it\'s' = "it's"`:                   true,
		`'a\nb' = "a\nb"`:                    true,
		"type NOT IN ('a', type) = FALSE":    true,
		"2 * 3 IN (3, 7)":                    int32(2), // IN binds before *
		"LENGTH(subject)":                    int32(7),
		"LEFT(subject, 2)":                   "ün",
		"RIGHT(subject, 2)":                  "dé",
		"SUBSTRING(subject, -3, 2)":          "öd",
		"UPPER(subject)":                     "ÜNÏCÖDÉ",
		"concat_ws('-', id, priority, test)": "evt-7-7-true",
		"IS_INT('5') AND NOT IS_INT('5x')":   true,
		"IS_BOOL('TRUE')":                    true,
		"INT('+12')":                         int32(12),
	} {
		got, err := evaluate(text, order)
		if err != nil || got != want {
			t.Errorf("%s: %#v, error %v, want %#v", text, got, err, want)
		}
	}
}

func TestErrorsSayWhere(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("q", 40)
	for text, want := range map[string]string{
		"type =":                              "at 7: want a value",
		"":                                    "at 1: want a value",
		"'ü' = ":                              "at 7: want a value",
		"type = 'a":                           "at 8: the text that begins here has no closing quote",
		`'a\'`:                                "at 1: the text that begins here has no closing quote",
		"type == 'a'":                         "at 7: want a value",
		"type 'a'":                            "at 6: want an operator or the end",
		"(type":                               "at 6: want an operator or )",
		"type)":                               "at 5: want an operator or the end",
		"type LIKE 5":                         "at 11: want a pattern between quotes behind LIKE",
		"type IN ()":                          "at 6: want at least one value behind IN",
		"type IN 'a'":                         "at 9: want ( and values behind IN",
		"type IN ('a' 'b')":                   "at 14: want , or )",
		"type NOT 'a'":                        "at 10: want LIKE or IN behind NOT",
		"EXISTS 5":                            "at 8: want the name of an attribute behind EXISTS",
		"EXISTS in":                           "at 8: want the name of an attribute behind EXISTS",
		"a AND":                               "at 6: want a value",
		"AND a":                               "at 1: want a value before AND",
		"a_b = 1":                             "at 1: the name of an attribute has letters and digits alone",
		"f1(a)":                               "at 1: the name of a function has letters and _ alone",
		"ABS(1,)":                             "at 7: want a value",
		"a = 2147483648":                      "at 5: want an integer of 32 bits",
		"a = -2147483649":                     "at 5: want an integer of 32 bits",
		"+ 5":                                 "at 1: want digits directly behind +",
		"a = #":                               "at 5: there is a character that no expression has",
		"a = \xff":                            "at 1: is no UTF-8 text",
		strings.Repeat("(", 60):               "at 51: is nested more than 50 deep",
		strings.Repeat("NOT ", 60) + "a":      "at 201: is nested more than 50 deep",
		strings.Repeat("a", 5000):             "at 1: is longer than 4096 bytes",
		"missing = 'a'":                       "at 1: the event has no attribute missing",
		"id = 'evt-7' AND 1 / (2 - 2) = 1":    "at 20: is a division by zero",
		"type = 5":                            "at 1: the attribute type is no integer of 32 bits",
		"type AND TRUE":                       "at 1: the attribute type is neither true nor false",
		"2147483647 + 1":                      "at 12: yields no integer of 32 bits",
		"-(-2147483648)":                      "at 1: yields no integer of 32 bits",
		"nothing(1)":                          "at 1: there is no function NOTHING with that many arguments",
		long + "()":                           "at 1: there is no function QQQQQQQQQQQQQQQQQQQQ… with",
		"- 'x' = 1 OR TRUE":                   "at 3: the value is no integer of 32 bits",
		"LEFT('a', -1)":                       "at 1: LEFT: the length is negative",
		"SUBSTRING(subject, 2, -1) = 'a'":     "at 1: SUBSTRING: the length is negative",
		"'b' IN (1, subject, 'a') OR INT(id)": "at 33: the attribute id is no integer of 32 bits",
	} {
		got, err := evaluate(text, order)
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: %v, error %v, want %q", text, got, err, want)
		}
		if err != nil && strings.Contains(err.Error(), "evt-7") {
			t.Errorf("%s: %v repeats what the event holds", text, err)
		}
	}
}

// A long chain is not nested.
func TestChainsMayBeLong(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"TRUE" + strings.Repeat(" AND TRUE", 400), "0" + strings.Repeat("+1", 2000) + " = 2000", "id IN (1" + strings.Repeat(",1", 2000) + ", id)",
	} {
		if got, err := evaluate(text, order); got != true || err != nil {
			t.Errorf("%.20s…: %v, error %v", text, got, err)
		}
	}
}

func TestUnknownFunctionsAreFound(t *testing.T) {
	t.Parallel()
	for text, known := range map[string]bool{
		"TRUE OR (id IN (LENGTH(NOPE(1))))": false, "CONCAT_WS()": false, "SUBSTRING(id)": false, "ABS(1, 2)": false, "CONCAT() = ''": true, "substring(id, 1, 2)": true,
	} {
		x, err := cesql.Parse(text)
		if err != nil || (x.Unknown() == nil) != known {
			t.Errorf("%s: %v, %v", text, err, x.Unknown())
		}
	}
}

// What an evaluation may take is bounded however large the event is.
func TestAnEvaluationHasABudget(t *testing.T) {
	t.Parallel()
	large := attributes{"a": strings.Repeat("a", 1<<20), "b": strings.Repeat("a", 100_000), "c": strings.Repeat("a", 9_000), "z": strings.Repeat("0", 9_000)}
	for text, fails := range map[string]bool{
		"b LIKE '%" + strings.Repeat("a_", 1000) + "b%'": true,
		"a LIKE '%x%'": true,
		"LENGTH(" + strings.Repeat("CONCAT(b,b,", 20) + "''" + strings.Repeat(")", 20) + ") = 1": true,
		"UPPER(a) = 'A'": true,
		"a LIKE 'b%'":    true,
		"z" + strings.Repeat("+z", 1000) + " = 0": true,
		"c LIKE 'b%'":      false,
		"LENGTH(c) = 9000": false,
		"z+1 = 1":          false,
	} {
		began := time.Now()
		_, err := evaluate(text, large)
		if (kindOf(err) == cesql.GenericError) != fails || fails && !strings.HasSuffix(err.Error(), "takes too long") || !fails && err != nil {
			t.Errorf("%.30s…: %v", text, err)
		}
		if took := time.Since(began); took > time.Second {
			t.Errorf("%.30s… took %v", text, took)
		}
	}
}

func TestEvaluationsAllocateNothing(t *testing.T) {
	a := benchmarked{}
	x, err := cesql.Parse(benchmark)
	if err != nil {
		t.Fatal(err)
	}
	if n := testing.AllocsPerRun(100, func() {
		budget := cesql.Steps
		if v, err := x.Evaluate(a, &budget); err != nil || !v.IsTrue() {
			t.Fatal(v, err)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

const benchmark = `type LIKE 'com.shop.order.%' AND (source IN ('/sources/eu', '/sources/shop') OR priority > 3) AND EXISTS subject`

type benchmarked struct{}

func (benchmarked) Attribute(name string) (cesql.Value, bool) {
	switch name {
	case "type":
		return cesql.Text("com.shop.order.paid"), true
	case "source":
		return cesql.Text("/sources/shop"), true
	case "subject":
		return cesql.Text("order-7"), true
	}
	return cesql.Value{}, false
}

func BenchmarkEvaluate(b *testing.B) {
	x, err := cesql.Parse(benchmark)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		budget := cesql.Steps
		if _, err := x.Evaluate(benchmarked{}, &budget); err != nil {
			b.Fatal(err)
		}
	}
}

// FuzzParse: no text makes it panic, what compiles yields what it says and ends in time, and
// evaluates to the same each time.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"type =", "'", "NOT", "(((", "a IN (", "EXISTS", "CONCAT(", "a LIKE", "--1", "+", "-", "a NOT", `"\`, "'\\", "1 / 0", "\xff", "é", "x LIKE '%_%\\%'",
		benchmark, "SUBSTRING(subject, -3, 2) = 'ab' XOR NOT IS_INT(id)", "INT('99999999999')", strings.Repeat("(", 100), strings.Repeat("-", 100),
		"LEFT(subject, 2147483647)", "SUBSTRING(subject, -2147483648)", "ABS(-2147483648)", "a AND b OR c", "TRUE IN (id)",
	} {
		f.Add(seed, "a%_\\é")
	}
	f.Fuzz(func(t *testing.T, text, subject string) {
		x, err := cesql.Parse(text)
		if err != nil {
			if kindOf(err) != cesql.ParseError {
				t.Fatalf("%q: %v", text, err)
			}
			return
		}
		a := attributes{"id": "1", "source": "/s", "type": "t", "subject": subject, "a": subject, "n": uint64(7)}
		budget := cesql.Steps
		v, err := x.Evaluate(a, &budget)
		if k := x.Kind(); k != 0 && k != v.Kind() {
			t.Fatalf("%q yields a %v and says that it is a %v", text, v.Kind(), k)
		}
		if k := kindOf(err); (err != nil) != (k != "") || k == cesql.ParseError {
			t.Fatalf("%q: %v", text, err)
		}
		again := cesql.Steps
		if w, err2 := x.Evaluate(a, &again); w != v || again != budget || (err == nil) != (err2 == nil) {
			t.Fatalf("%q: %v, then %v", text, v, w)
		}
	})
}
