package dataschema_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hookspan/hookspan/bridge/dataschema"
	"github.com/hookspan/hookspan/bridge/event"
)

func folder(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func load(t *testing.T, base string, files map[string]string) *dataschema.Set {
	t.Helper()
	s, err := dataschema.Load(folder(t, files), base)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

const (
	total   = `{"type":"object","required":["total"]}`
	amount  = `{"$id":"https://schemas.example/invoice-2","type":"object","required":["amount"],"properties":{"amount":{"$ref":"schema:///com.example.amount.json"}}}`
	integer = "\xef\xbb\xbf" + ` {"type": "integer"} `
)

func TestCheck(t *testing.T) {
	t.Parallel()
	s := load(t, "", map[string]string{
		"com.example.invoice.json": total, "com.example.invoice@2.json": amount, "com.example.invoice@10.json": `{"required":["sum"]}`,
		"com.example.amount.json": integer, "com.sticker.order.json": total, "README.md": "not a schema",
	})
	const first, second, tenth = "urn:hookspan:schema:com.example.invoice", "https://schemas.example/invoice-2", "urn:hookspan:schema:com.example.invoice@10"
	for _, c := range []struct{ eventType, named, data, url, wrong string }{
		{"com.example.invoice", "", `{"total":1}`, first, ""},
		{"com.example.invoice.paid", "", `{"amount":1}`, second, ""},
		{"com.example.invoice.paid", "", `{"sum":1,"total":1}`, tenth, ""},
		{"com.example.invoice.paid", first, `{"sum":1,"total":1}`, first, ""},
		{"com.example.invoice.paid", first, `{"sum":1}`, first, "total"},
		{"com.example.invoice.paid", "https://elsewhere.example", `{"sum":1}`, tenth, ""},
		{"com.example.invoice.paid", "", `{"amount":"1"}`, "", "sum"}, // of the newest
		{"com.example.invoice.paid", "", `total`, "", "not JSON"},
		{"com.example.invoices", "", `total`, "", ""}, // another word
		{"com.example.amount", "", "\xef\xbb\xbf7", "urn:hookspan:schema:com.example.amount", ""},
		{"com.sticker.order.created", "", `{"total":1}`, "urn:hookspan:schema:com.sticker.order", ""},
		{"com.sticker.order.created", "", `{}`, "", "total"}, // the program's is replaced
		{"", "", `{}`, "", ""},
	} {
		url, err := s.Check(&event.Event{Type: c.eventType, DataSchema: c.named, Data: []byte(c.data)}, func(int64) error { return nil })
		if (err != nil) != (c.wrong != "") || err != nil && !strings.Contains(err.Error(), c.wrong) || err == nil && url != c.url {
			t.Errorf("%s %s: %q, %v; want %q, %q", c.eventType, c.data, url, err, c.url, c.wrong)
		}
	}
	for eventType, want := range map[string]string{
		"com.example.invoice.paid": "", // its data says which
		"com.example.amount":       "urn:hookspan:schema:com.example.amount",
		"com.cryptlex.license":     "https://github.com/hookspan/hookspan/schemas/events/com.cryptlex.json",
		"org.example":              "",
	} {
		if got := s.Declared(eventType); got != want {
			t.Errorf("%s: declared %q, want %q", eventType, got, want)
		}
	}
}

func TestLoadSaysWhatIsWrongWithEachFile(t *testing.T) {
	t.Parallel()
	dir := folder(t, map[string]string{
		"a.json": `{"type": 7}`, "b.json": `{`, "c.json": `{"$ref":"https://elsewhere.example/d.json"}`, "d@1.json": `{}`, "e@x.json": `{}`,
		".json": `{}`, "f..json": `{}`, "g.json": `{"$id":"g"}`, "h.json": `{"x":"` + strings.Repeat("x", 1<<20) + `"}`, "i.json": `{}`,
	})
	_, err := dataschema.Load(dir, "")
	if err == nil {
		t.Fatal("it was loaded")
	}
	lines := strings.Split(err.Error(), "schema "+dir+string(filepath.Separator))
	got := map[string]bool{}
	for _, line := range lines[1:] {
		file, what, _ := strings.Cut(line, ": ")
		got[file] = strings.TrimSpace(what) != ""
	}
	want := map[string]bool{"a.json": true, "b.json": true, "c.json": true, "d@1.json": true, "e@x.json": true, ".json": true, "f..json": true, "g.json": true, "h.json": true}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("faults (-want +got):\n%s\n%v", diff, err)
	}
	if !strings.Contains(err.Error(), "nothing is fetched") {
		t.Errorf("a reference to outside: %v", err)
	}
	if _, err := dataschema.Load(filepath.Join(dir, "nowhere"), ""); err == nil {
		t.Error("a folder that is not there was loaded")
	}
}

func TestSchemasAreServed(t *testing.T) {
	t.Parallel()
	s := load(t, "https://hooks.example/schemas", map[string]string{"com.example.amount.json": integer, "com.example.amount@2.json": total})
	if got := s.Declared("com.cryptlex.license"); got != "https://hooks.example/schemas/events/com.cryptlex.json" {
		t.Errorf("declared %q", got)
	}
	get := func(method, path, etag string) *httptest.ResponseRecorder {
		w, r := httptest.NewRecorder(), httptest.NewRequest(method, path, nil)
		r.Header.Set("If-None-Match", etag)
		s.ServeHTTP(w, r)
		return w
	}
	for _, v := range s.For("com.example.amount") {
		got := get("GET", strings.TrimPrefix(s.URL(v), "https://hooks.example"), "")
		if got.Code != http.StatusOK || got.Body.String() != string(v.Document) || got.Header().Get("Content-Type") != "application/schema+json" {
			t.Errorf("%s: %d %v %s", s.URL(v), got.Code, got.Header(), got.Body)
		}
		if again := get("GET", "/schemas/events/"+strings.TrimPrefix(s.URL(v), "https://hooks.example/schemas/events/"), got.Header().Get("ETag")); again.Code != http.StatusNotModified {
			t.Errorf("%s again: %d", s.URL(v), again.Code)
		}
	}
	for path, want := range map[string]int{"/schemas/config.json": 200, "/schemas/events/com.cryptlex.json": 200, "/schemas/events/": 404, "/schemas/": 404, "/schemas/../set.go": 404, "/schemas/events/none.json": 404} {
		if got := get("GET", path, ""); got.Code != want {
			t.Errorf("%s: %d, want %d", path, got.Code, want)
		}
	}
	if got := get("POST", "/schemas/config.json", ""); got.Code != http.StatusMethodNotAllowed || got.Header().Get("Allow") == "" {
		t.Errorf("a POST: %d %v", got.Code, got.Header())
	}
}
