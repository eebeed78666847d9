package pointer_test

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/hookspan/hookspan/bridge/scheme/pointer"
)

func scan(t *testing.T, doc string, pointers ...string) ([]pointer.Value, pointer.Kind, error) {
	t.Helper()
	set := pointer.NewSet()
	slots := make([]int, len(pointers))
	for i, p := range pointers {
		slot, err := set.Add(p)
		if err != nil {
			t.Fatal(err)
		}
		slots[i] = slot
	}
	out := make([]pointer.Value, set.Len())
	kind, err := set.Scan([]byte(doc), out)
	values := make([]pointer.Value, len(pointers))
	for i, slot := range slots {
		values[i] = out[slot]
	}
	return values, kind, err
}

func TestScanFindsWhatThePointersName(t *testing.T) {
	t.Parallel()
	const doc = ` {"a":{"b":[1,{"c":"x"}],"":"empty"},"m~n":true,"a/b":-1.5e3,"\u0061a":"é\ud83d\ude00\n","n":null,"twice":1,"twice":2} `
	cases := []struct{ pointer, want string }{
		{"/a/b/0", "1"},
		{"/a/b/1/c", "x"},
		{"/a/b/2", ""},
		{"/a/b/01", ""},
		{"/a/", "empty"},
		{"/m~0n", "true"},
		{"/a~1b", "-1.5e3"},
		{"/aa", "é😀\n"},
		{"/n", ""},
		{"/a/b", ""},
		{"/twice", "2"},
		{"/absent/deeper", ""},
	}
	for _, c := range cases {
		values, kind, err := scan(t, doc, c.pointer)
		if err != nil || kind != pointer.Object {
			t.Fatalf("%s: kind %d, %v", c.pointer, kind, err)
		}
		if got := values[0].Text(); got != c.want {
			t.Errorf("%s: got %q, want %q", c.pointer, got, c.want)
		}
	}
}

func TestScanOfManyPointersAtOnce(t *testing.T) {
	t.Parallel()
	values, _, err := scan(t, `{"x":{"y":1,"z":[true]}}`, "/x/y", "/x", "", "/x/z/0", "/x/y")
	if err != nil {
		t.Fatal(err)
	}
	want := []string{`1`, `{"y":1,"z":[true]}`, `{"x":{"y":1,"z":[true]}}`, `true`, `1`}
	for i, w := range want {
		if string(values[i].Raw) != w {
			t.Errorf("pointer %d: got %s, want %s", i, values[i].Raw, w)
		}
	}
}

func TestAddRefusesWhatIsNoPointer(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"a", "a/b", "/a~", "/~2"} {
		if _, err := pointer.NewSet().Add(text); err == nil {
			t.Errorf("%q was accepted", text)
		}
	}
}

func TestOneIsASetOfOne(t *testing.T) {
	t.Parallel()
	if (pointer.One{}).Given() {
		t.Error("the zero One points somewhere")
	}
	if _, err := pointer.ParseOne("a"); err == nil {
		t.Error("what is no pointer was accepted")
	}
	one, err := pointer.ParseOne("/a/b")
	if err != nil || !one.Given() {
		t.Fatal(one, err)
	}
	for doc, want := range map[string]pointer.Value{
		`{"a":{"b":12}}`: {Kind: pointer.Number, Raw: []byte("12")},
		`{"a":{"c":12}}`: {},
		`{"a":{"b":12}`:  {}, // no JSON, after what it has met
		"":               {},
	} {
		if got := one.In([]byte(doc)); got.Kind != want.Kind || string(got.Raw) != string(want.Raw) {
			t.Errorf("%s: %v %q", doc, got.Kind, got.Raw)
		}
	}
}

func TestDeepNestingIsRefusedNotFatal(t *testing.T) {
	t.Parallel()
	deep := strings.Repeat("[", 1<<20)
	if _, _, err := scan(t, deep, "/0"); err == nil {
		t.Error("accepted a document that is never closed")
	}
	if _, _, err := scan(t, strings.Repeat("[", 10001)+strings.Repeat("]", 10001)); err == nil {
		t.Error("accepted a document deeper than the limit")
	}
}

func TestElementsWalksAnArray(t *testing.T) {
	t.Parallel()
	values, _, err := scan(t, `{"items":[ {"a":1} , 2,"x" ,[ ]]}`, "/items")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	pointer.Elements(values[0], func(v pointer.Value) { got = append(got, string(v.Raw)) })
	if strings.Join(got, "|") != `{"a":1}|2|"x"|[ ]` {
		t.Errorf("got %q", got)
	}
}

func FuzzScan(f *testing.F) {
	for _, seed := range []string{`{"a":{"b":"\u00e9\ud800"}}`, `[1,-0.5e+7,""]`, `"\ud83d\ude00"`, `{"a":`, "tru", `{"a":1,}`, "\xff", `{"a":"\u12`} {
		f.Add([]byte(seed))
	}
	set := pointer.NewSet()
	for _, p := range []string{"", "/a", "/a/b", "/0", "/a/0/b"} {
		if _, err := set.Add(p); err != nil {
			f.Fatal(err)
		}
	}
	f.Fuzz(func(t *testing.T, doc []byte) {
		out := make([]pointer.Value, set.Len())
		_, err := set.Scan(doc, out)
		if valid := json.Valid(doc) && utf8.Valid(doc); valid != (err == nil) {
			t.Fatalf("encoding/json says %v, the scanner says %v", valid, err)
		}
		for _, v := range out {
			if v.Kind != pointer.String {
				continue
			}
			var want string
			if json.Unmarshal(v.Raw, &want) != nil || replaced(v.Text()) != want {
				t.Fatalf("string %q: got %q, want %q", v.Raw, v.Text(), want)
			}
		}
		pointer.Elements(out[0], func(v pointer.Value) {
			if !json.Valid(v.Raw) {
				t.Fatalf("element %q is not JSON", v.Raw)
			}
		})
	})
}

func BenchmarkScan(b *testing.B) {
	set := pointer.NewSet()
	for _, p := range []string{"/event", "/timestamp", "/data/order_id"} {
		if _, err := set.Add(p); err != nil {
			b.Fatal(err)
		}
	}
	doc := []byte(`{"event":"order.shipped","timestamp":"2024-12-11T15:30:00Z","data":{"order_id":"550e8400","note":"` + strings.Repeat("word and number 123 ", 45) + `"}}`)
	out := make([]pointer.Value, set.Len())
	b.SetBytes(int64(len(doc)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := set.Scan(doc, out); err != nil {
			b.Fatal(err)
		}
	}
}

// replaced has U+FFFD for each half of a surrogate pair, as encoding/json has it.
func replaced(text string) string {
	var b strings.Builder
	for len(text) > 0 {
		r, size := utf8.DecodeRuneInString(text)
		if r == utf8.RuneError && size == 1 {
			size = 3
		}
		b.WriteRune(r)
		text = text[size:]
	}
	return b.String()
}

func TestHalfOfASurrogatePairIsNoText(t *testing.T) {
	t.Parallel()
	for doc, valid := range map[string]bool{`"\ud83d\ude00"`: true, `"\ufffd"`: true, `"\ud83d"`: false, `"a\ude00b"`: false, `"\ud83d\ud83d\ude00"`: false, `"\ud83d\u0041"`: false} {
		values, _, err := scan(t, doc, "")
		if err != nil || utf8.ValidString(values[0].Text()) != valid {
			t.Errorf("%s is %q, %v", doc, values[0].Text(), err)
		}
	}
}

// Elements may hold bytes that are no UTF-8 only for who judges them one by one.
func TestWithinLooksAtTheGrammarAlone(t *testing.T) {
	t.Parallel()
	one, err := pointer.ParseOne("/list")
	if err != nil {
		t.Fatal(err)
	}
	for doc, want := range map[string]int{
		"\ufeff{\"list\":[1,\"\xff\"]}": 2, `{"list":[1,"\u00ff",{}]}`: 3, "{\"list\":[1,\xff]}": 0, "{\"list\":[1]}\xff": 0, `{"list":[1}`: 0, "": 0,
	} {
		n := 0
		pointer.Elements(one.Within([]byte(doc)), func(pointer.Value) { n++ })
		if n != want {
			t.Errorf("%q has %d elements, want %d", doc, n, want)
		}
		if strict := one.In([]byte(doc)); strict.Kind != pointer.Absent && !utf8.ValidString(doc) {
			t.Errorf("%q is taken for JSON", doc)
		}
	}
}
