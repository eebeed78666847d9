package schematest_test

import (
	"testing"

	"github.com/hookspan/hookspan/schemas/schematest"
)

func TestFaultsAreSeen(t *testing.T) {
	t.Parallel()
	const attempt = `{"number":1,"sent":"2026-05-04T10:00:00Z","received":"2026-05-04T10:00:00Z","duration_ms":1`
	for _, c := range []struct {
		path, document string
		fits           bool
	}{
		{"attempt.json", attempt + `}`, true},
		{"attempt.json", attempt + `,"detail":"x","reason":"tls"}`, true},
		{"attempt.json", attempt + `,"reason":"boredom"}`, false},
		{"attempt.json", attempt + `,"added":1}`, false},
		{"attempt.json", `{"number":1,"sent":"yesterday","received":"2026-05-04T10:00:00Z","duration_ms":1}`, false},
		{"attempt.json", `[]`, false},
		{"attempt.json", `{`, false},
		{"page.json", `{"items":[],"next":null,"behind":[{"endpoint":"a"}]}`, false},
		{"nothing.json", `{}`, false},
	} {
		if err := schematest.Fits(c.path, []byte(c.document)); (err == nil) != c.fits {
			t.Errorf("%s of %s: %v", c.path, c.document, err)
		}
	}
	if schematest.OpsEvent("hookspan.endpoint.disabled", []byte(`{"endpoint":"ep_1","name":"crm","reason":"r","more":1}`)) == nil {
		t.Error("an operations event with a field more is taken")
	}
	if schematest.OpsEvent("hookspan.unheard.of", []byte(`{}`)) == nil {
		t.Error("an operations event without a schema is taken")
	}
	const record = `{"d":"d","e":"e","ev":{"id":"1","src":"/s","typ":"t","top":"t","p":"p","i":"1","s":1},"n":1}`
	if err := schematest.JournalBatch([]byte("v1\n" + record + "\n" + `{"note":{"e":"e","at":"2026-05-04T10:00:00Z","f":{"p":{"i":"1","s":1}}}}` + "\n")); err != nil {
		t.Error(err)
	}
	if err := schematest.JournalBatch([]byte("v1\n" + `{"note":{"replica":"a:1","at":"2026-05-04T10:00:00Z","keys":null,"left":true}}` + "\n")); err != nil {
		t.Error(err)
	}
	for _, bad := range []string{"v2\n", "v1\n{}\n", "v1\n" + record[:len(record)-1] + `,"z":1}`, "v1\n" + `{"note":{"at":"now"}}` + "\n"} {
		if schematest.JournalBatch([]byte(bad)) == nil {
			t.Errorf("taken: %s", bad)
		}
	}
}
