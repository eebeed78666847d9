package transform_test

import (
	"encoding/json"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hookspan/hookspan/bridge/event"
	"github.com/hookspan/hookspan/bridge/filter"
	"github.com/hookspan/hookspan/bridge/jq"
	"github.com/hookspan/hookspan/bridge/transform"
)

func parse(t testing.TB, text string) (made transform.Transform) {
	t.Helper()
	if err := made.Parse(text); err != nil {
		t.Fatal(err)
	}
	if faults := made.Check(); len(faults) > 0 {
		t.Fatalf("%s: %v", text, faults)
	}
	return made
}

func order() *event.Event {
	return &event.Event{ID: "evt-1", Source: "/shop", Type: "com.shop.paid", DataContentType: "application/json", Data: []byte(`{"id":7,"name":"Zoë","path":"/a b"}`)}
}

func apply(t testing.TB, text string) (*transform.Request, error) {
	t.Helper()
	return transform.NewRoom().Apply(t.Context(), transform.NewTurn(), parse(t, text), order())
}

func TestWhatIsSent(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`.data | {id}`: `application/json "{\"id\":7}"`,
		`.data.name`:   `text/plain; charset=utf-8 "Zoë"`,
		`{body: .data.name, content_type: "application/json"}`:             `application/json "\"Zoë\""`,
		`{body: "a=1", content_type: "application/x-www-form-urlencoded"}`: `application/x-www-form-urlencoded "a=1"`,
		`{body: null}`:        ` ""`,
		`{body: false}`:       `application/json "false"`,
		`false`:               `application/json "false"`,
		`{body: 1, other: 2}`: `application/json "{\"body\":1,\"other\":2}"`, // is no request
		`{headers: {a: "b"}}`: `application/json "{\"headers\":{\"a\":\"b\"}}"`,
		`{body: 1, headers: {"X-A": .attributes.type, b: 5, c: null, d: true}}`: `application/json "1" [{X-A com.shop.paid} {b 5} {d true}]`,
		`{body: 1, method: "PUT", path: "/orders/7"}`:                           `application/json "1" PUT /orders/7`,
		`{body: 1, path: (.data.path | @uri)}`:                                  `application/json "1" %2Fa%20b`,
		`1, error("never")`:                                                     `application/json "1"`,
	} {
		r, err := apply(t, text)
		if err != nil || r == nil {
			t.Errorf("%s: %v, error %v", text, r, err)
			continue
		}
		got := fmt.Sprintf("%s %q", r.ContentType, r.Body)
		if r.Headers != nil {
			got += fmt.Sprint(" ", r.Headers)
		}
		if r.Method+r.Path != "" {
			got += " " + strings.TrimSpace(r.Method+" "+r.Path)
		}
		if got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
	for _, text := range []string{`null`, `empty`, `.data | select(.id > 7)`, `if .data.id == 7 then null else . end`} {
		if r, err := apply(t, text); r != nil || err != nil {
			t.Errorf("%s: %v, error %v, want nothing", text, r, err)
		}
	}
}

func TestWhatIsWrongWithAResult(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`.data.id.x`:                                "the transform: a value of type number has no parts",
		`error(.data)`:                              "the transform: the expression raised an error",
		`[range(1e9)]`:                              "the transform: takes too long",
		`"a" * 1048577`:                             "the transform: body has more than 1 MiB",
		`["a" * 1048575]`:                           "the transform: body has more than 1 MiB",
		`reduce range(99) as $i (0; [., .])`:        "the transform: body has more than 1 MiB",
		`{body: 1, method: "GET"}`:                  "the transform: method is none of",
		`{body: 1, method: 5}`:                      "the transform: method is no text",
		`{body: 1, path: "a?b=c"}`:                  "the transform: path has a query",
		`{body: 1, path: "a#b"}`:                    "the transform: path has a query",
		`{body: 1, path: "../x"}`:                   "the transform: path has . or .. for a part",
		`{body: 1, path: "a/%2e%2E/x"}`:             "the transform: path has . or .. for a part",
		`{body: 1, path: "a b"}`:                    "the transform: path has characters",
		`{body: 1, path: "a\nb"}`:                   "the transform: path has characters",
		`{body: 1, path: "%zz"}`:                    "the transform: path has characters",
		`{body: 1, path: "\\a"}`:                    "the transform: path has characters",
		`{body: 1, path: ("a" * 3000)}`:             "the transform: path is longer",
		`{body: 1, headers: [1]}`:                   "the transform: headers is no object",
		`{body: 1, headers: {a: [1]}}`:              "the transform: headers has a value that is no text",
		`{body: 1, content_type: "json"}`:           "the transform: content_type is no media type",
		`{body: 1, content_type: "text/a\r\nb: c"}`: "the transform: content_type is no media type",
	} {
		r, err := apply(t, text)
		if err == nil || !strings.HasPrefix(err.Error(), want) || strings.Contains(err.Error(), "Zo") {
			t.Errorf("%s: %v, error %v, want %s", text, r, err, want)
		}
	}
}

func TestPathsAreJoined(t *testing.T) {
	t.Parallel()
	for _, c := range [][3]string{
		{"https://a.example", "x", "https://a.example/x"}, {"https://a.example/", "/x", "https://a.example/x"}, {"https://a.example/h?k=v", "x/y/", "https://a.example/h/x/y/?k=v"},
		{"https://a.example/h/", "", "https://a.example/h/"},
	} {
		if got := (&transform.Request{Path: c[1]}).Join(c[0]); got != c[2] {
			t.Errorf("%s and %s: %s, want %s", c[0], c[1], got, c[2])
		}
	}
}

func TestATransformIsKeptAsItIs(t *testing.T) {
	t.Parallel()
	const text = ".data | {id} # <é>\n"
	made := parse(t, text)
	raw, err := json.Marshal(made)
	if err != nil {
		t.Fatal(err)
	}
	var back transform.Transform
	if err := json.Unmarshal(raw, &back); err != nil || !back.Equal(made) || back.Text() != text || back.IsZero() {
		t.Errorf("%s: %v", raw, err)
	}
	for _, none := range []string{"", "  \n"} {
		if made := parse(t, none); !made.IsZero() {
			t.Errorf("%q is a transform", none)
		}
	}
	for wrong, want := range map[string]string{".data.": "at 7: ends too early", "now": "at 1: there is no function now/0"} {
		var made transform.Transform
		if err := made.Parse(wrong); err != nil || len(made.Check()) != 1 || made.Check()[0].Message != want {
			t.Errorf("%s: %v, %v", wrong, err, made.Check())
		}
		if r, err := transform.NewRoom().Apply(t.Context(), transform.NewTurn(), made, order()); r != nil || err == nil {
			t.Errorf("%s makes %v", wrong, r)
		}
	}
	if err := back.UnmarshalJSON([]byte(`5`)); err == nil {
		t.Error("a number is a transform")
	}
}

// However long one endpoint's transforms take, the quick ones of others do not wait.
func TestSlowTransformsAreAmongThemselves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		room, ctx := transform.NewRoom(), t.Context()
		slow, quick := parse(t, `[range(30000)] | length`), parse(t, `.data.id`)
		hostile := transform.NewTurn()
		ended := make(chan time.Time, 3) // each of the slow ones sends once
		for range cap(ended) {
			go func() {
				if r, err := room.Apply(ctx, hostile, slow, order()); err != nil || string(r.Body) != "30000" {
					t.Error(r, err)
				}
				ended <- time.Now()
			}()
		}
		for range 100 {
			if _, err := room.Apply(ctx, transform.NewTurn(), quick, order()); err != nil {
				t.Fatal(err)
			}
		}
		for range cap(ended) {
			<-ended
		}
	})
}

func BenchmarkApply(b *testing.B) {
	made := parse(b, `{body: {id: .data.id, total: (.data.items | map(.price * .n) | add), type: .attributes.type, name: .data.name}, headers: {"X-Id": .attributes.id}}`)
	e := order()
	e.Data = kilobyte
	room, turn := transform.NewRoom(), transform.NewTurn()
	b.ReportAllocs()
	for b.Loop() {
		if r, err := room.Apply(b.Context(), turn, made, e); err != nil || r == nil {
			b.Fatal(r, err)
		}
	}
}

// A filter and a transform of an event of 1 KB, as it comes from a topic and goes to one endpoint, in a
// process as large as an idle one is: the collector runs as often as it would there.
func BenchmarkFilterAndTransform(b *testing.B) {
	var filters filter.List
	if err := filters.Parse(`[{"jq":".data.items | any(.price > 10 and .sku != \"B-1\")"}]`); err != nil || filters.Err() != nil {
		b.Fatal(err, filters.Err())
	}
	made := parse(b, `{body: {id: .data.id, total: (.data.items | map(.price * .n) | add), type: .attributes.type, name: .data.name}, headers: {"X-Id": .attributes.id}}`)
	e := order()
	e.Data = kilobyte
	room, turn := transform.NewRoom(), transform.NewTurn()
	idle := make([]byte, 48<<20)
	defer runtime.KeepAlive(idle)
	b.ReportAllocs()
	for b.Loop() {
		if ok, err := filters.Holds(e, new(any)); !ok || err != nil {
			b.Fatal(ok, err)
		}
		if r, err := room.Apply(b.Context(), turn, made, e); err != nil || r == nil {
			b.Fatal(r, err)
		}
	}
}

var kilobyte = []byte(`{"id":"ord_8842","name":"Example Ltd","currency":"EUR","created":"2026-05-04T10:00:00Z","customer":{"id":"cus_17","email":"someone@shop.example","address":{"line1":"1 Long Street","line2":"","city":"Springfield","zip":"12345","country":"DE"}},"items":[` +
	strings.TrimSuffix(strings.Repeat(`{"sku":"A-1000","title":"A thing that is sold","n":2,"price":19.9,"tax":0.19,"tags":["new","sale"]},`, 7), ",") + `],"note":"leave it at the door","ok":true,"discount":null}`)

// FuzzApply: whatever an expression yields, there is a request that can be sent, none, or an error.
func FuzzApply(f *testing.F) {
	for _, text := range []string{`.`, `{body: .data, path: "a/b", method: "PUT", headers: {"X-A": "b"}}`, `{body: "x", content_type: "text/a;b=c"}`, `null`, `{body: 1, path: .data}`, `[.. | tojson]`} {
		f.Add(text, `{"a":[1,"b"]}`)
	}
	f.Fuzz(func(t *testing.T, text, data string) {
		var made transform.Transform
		if made.Parse(text) != nil || made.IsZero() {
			return
		}
		e := order()
		e.Data = []byte(data)
		r, err := transform.NewRoom().Apply(t.Context(), transform.NewTurn(), made, e)
		if r == nil {
			return
		}
		if err != nil || len(r.Body) > transform.MaxBody || r.ContentType == "" && len(r.Body) > 0 || strings.ContainsAny(r.Path, "?#\r\n ") {
			t.Fatalf("%q of %q: %+v, error %v", text, data, r, err)
		}
		if event.IsJSON(r.ContentType) && r.ContentType != "" {
			if _, ok := jq.Decode(string(r.Body)); !ok && len(r.Body) > 0 {
				t.Fatalf("%q of %q: %q is no JSON", text, data, r.Body)
			}
		}
	})
}
