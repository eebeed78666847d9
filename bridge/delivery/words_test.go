package delivery

import (
	"flag"
	"slices"
	"testing"

	"github.com/hookspan/hookspan/schemas/schematest"
)

var update = flag.Bool("update", false, "write the closed sets into schemas/ anew")

// Whoever adds a word to a closed set need not know which schemas list it.
func TestSchemasKnowEveryWord(t *testing.T) {
	recorded := func(reasons []string) []string {
		return slices.DeleteFunc(reasons, func(r string) bool { return Reason(r) == ReasonStopped || Reason(r) == ReasonCrowded })
	}
	for _, c := range []struct {
		schema, property string
		words            []string
	}{
		{"attempt.json", "reason", recorded(schematest.Closed(t, "Reason"))},
		{"journal.json", "x", recorded(schematest.Closed(t, "Reason"))},
		{"journal.json", "o", schematest.Closed(t, "Outcome")},
		{"journal.json", "w", schematest.Closed(t, "Ended")},
		{"delivery.json", "status", append([]string{"pending"}, schematest.Closed(t, "Outcome")...)},
		{"delivery.json", "reason", schematest.Closed(t, "Ended")},
		{"delivery.json", "waits", schematest.Closed(t, "Cause")},
		{"events/hookspan.delivery.json", "reason", schematest.Closed(t, "Ended")},
		{"note.json", "w", schematest.Closed(t, "Cause")},
		{"note.json", "hb", schematest.Closed(t, "HeldBy")},
		{"endpoint.json", "held_by", schematest.Closed(t, "HeldBy")},
		{"preview.json", "reason", schematest.Closed(t, "Skipped")},
	} {
		schematest.Enum(t, *update, c.schema, c.property, c.words)
	}
	ends := Ends()
	for _, word := range schematest.Closed(t, "Ended") {
		if !slices.Contains(ends, Ended(word)) {
			t.Errorf("Ends has no %s", word)
		}
	}
	causes := Causes()
	for _, word := range schematest.Closed(t, "Cause") {
		if !slices.Contains(causes, Cause(word)) {
			t.Errorf("Causes has no %s", word)
		}
	}
}
