package app_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Schemas of one's own judge what comes, are named in it, shown and served, and hold without a restart.
func TestOwnSchemas(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(file, text string) {
		if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("com.example.invoice.json", `{"type":"object","required":["total"]}`)
	s := start(t, nil, "HOOKSPAN_SCHEMAS_DIR="+dir, "HOOKSPAN_SCHEMAS_URL=https://hooks.example/schemas/", "HOOKSPAN_PUBLIC_SCHEMAS=true", "HOOKSPAN_SOURCE_SHOP_SCHEMA=reject")
	s.until(http.StatusOK, "ready")
	n := 0
	post := func(data string) int {
		n++
		status, _ := s.call(http.MethodPost, "http://"+s.IntakeAddr()+"/webhooks/shop", fmt.Sprintf(`{"specversion":"1.0","id":"%d","source":"/t","type":"com.example.invoice.paid","data":%s}`, n, data))
		return status
	}
	if first, second := post(`{"total":1}`), post(`{"sum":1}`); first != http.StatusOK || second != http.StatusUnprocessableEntity {
		t.Errorf("answers %d, %d", first, second)
	}
	const at = "/schemas/events/com.example.invoice.json"
	shown := func(schema string) bool {
		_, text := s.get("/v1/event-types/com.example.invoice.paid")
		return strings.Contains(text, `"schema":"https://hooks.example`+schema+`"`) && strings.Contains(text, `"dataschema":"https://hooks.example`+schema+`"`)
	}
	waits(t, func() bool { return shown(at) })
	if status, text := s.callAs("", http.MethodGet, "http://"+s.IntakeAddr()+at, ""); status != http.StatusOK || !strings.HasPrefix(text, `{"type":"object","required":["total"]}`) {
		t.Errorf("%s: %d %s", at, status, text)
	}

	write("com.example.invoice@2.json", `{"type":"object","required":["sum"]}`)
	s.hangup <- struct{}{}
	waits(t, func() bool { return post(`{"sum":1}`) == http.StatusOK })
	if status := post(`{"total":1}`); status != http.StatusOK {
		t.Errorf("what fits the first version is answered %d", status)
	}
	waits(t, func() bool { _ = post(`{"sum":1}`); return shown("/schemas/events/com.example.invoice@2.json") })

	write("com.example.invoice@2.json", `{"type": 7}`)
	for range 2 { // the second is heard once the first is over
		s.hangup <- struct{}{}
	}
	if status := post(`{"sum":1}`); status != http.StatusOK {
		t.Errorf("after a schema that is none: %d", status)
	}
}

// Strangers see no schema unless the operator says so.
func TestSchemasAreServedOnRequestAlone(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	s.until(http.StatusOK, "ready")
	if status, _ := s.callAs("", http.MethodGet, "http://"+s.IntakeAddr()+"/schemas/events/com.cryptlex.json", ""); status != http.StatusNotFound {
		t.Errorf("a schema is answered with %d", status)
	}
}
