package delivery

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/hookspan/hookspan/schemas/schematest"
)

func TestSchemasKnowEveryStateOfABreaker(t *testing.T) {
	at := time.Date(2026, 5, 4, 10, 0, 0, 0, time.UTC)
	for _, state := range schematest.Closed(t, "BreakerState") {
		b := Breaker{State: BreakerState(state), Since: at, NextProbe: at}
		note, _ := json.Marshal(Note{Endpoint: "ep_1", At: at, Breaker: &b})
		endpoint, _ := json.Marshal(map[string]any{"name": "crm", "url": "https://crm.example/", "breaker": b})
		for schema, document := range map[string][]byte{"note.json": note, "endpoint.json": endpoint} {
			if err := schematest.Fits(schema, document); err != nil {
				t.Errorf("%s does not know %s: %v", schema, state, err)
			}
		}
	}
	if err := schematest.Fits("note.json", []byte(`{"e":"ep_1","at":"2026-05-04T10:00:00Z","br":{"state":"ajar"}}`)); err == nil {
		t.Error("a state that there is not is taken")
	}
}
