package ops

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/event"
	"github.com/hookspan/hookspan/schemas"
	"github.com/hookspan/hookspan/schemas/schematest"
)

// samples is what each type holds.
func samples() map[Type]any {
	about := AboutEndpoint{Endpoint: "ep_1", Name: "crm", Reason: "the endpoint answered 410 Gone"}
	ended := Ended{Delivery: "dlv_1", AboutEndpoint: AboutEndpoint{"ep_1", "crm", "exhausted"}, Attempts: 7, Event: Original{ID: "1", Source: "/s", Type: "t", Topic: "events.t"}}
	return map[Type]any{
		EndpointDisabled: about, EndpointRecovered: Recovered{about, time.Unix(0, 0).UTC()},
		BreakerOpened: Breaker{about, time.Unix(0, 0).UTC(), time.Unix(5, 0).UTC()}, BreakerClosed: Breaker{AboutEndpoint: about, Since: time.Unix(0, 0).UTC()},
		DeliveryExhausted: ended, DeliveryExpired: ended,
		ReplayFinished:  Replay{Replay: "rpl_1", AboutEndpoint: about, State: "done", Matched: 3, Sent: 2, Failed: 1},
		SourceRefusals:  Refusals{Source: "shop", Count: 20, Since: time.Unix(0, 0).UTC(), Reasons: map[string]int{"stale": 20}, Refused: 20},
		StoreNearlyFull: StoreOf(bus.Room{Used: 9, Limit: 10, Reserved: 1}),
	}
}

func TestEveryTypeHasASchema(t *testing.T) {
	t.Parallel()
	var types []string
	for _, kind := range Types() {
		types = append(types, string(kind))
		e := New(kind, "1", "crm", samples()[kind])
		if err := e.Validate(); err != nil {
			t.Errorf("%s: %v", kind, err)
		}
		if err := schematest.OpsEvent(e.Type, e.Data); err != nil {
			t.Errorf("%s: %v", kind, err)
		}
		path, _ := schemas.ForType(e.Type)
		text, err := schemas.Files.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var schema struct {
			ID string `json:"$id"`
		}
		if err := json.Unmarshal(text, &schema); err != nil || e.DataSchema == "" || e.DataSchema != schema.ID {
			t.Errorf("%s names the schema %q, which has the id %q, %v", kind, e.DataSchema, schema.ID, err)
		}
		if e.Source != Source || e.ID != string(kind)+"/1" {
			t.Errorf("%s: %+v", kind, e)
		}
	}
	if all := schematest.Closed(t, "Type"); !slices.Equal(all, types) {
		t.Errorf("Types lists %v, there is %v", types, all)
	}
}

// A taker takes events until it is away.
type taker struct {
	bus.Publisher
	away  bool
	taken []bus.PublishOptions
}

func (p *taker) Publish(_ context.Context, topic string, e *event.Event, o bus.PublishOptions) (bus.Receipt, error) {
	if p.away || topic != "ops" {
		return bus.Receipt{}, bus.ErrUnavailable
	}
	p.taken = append(p.taken, o)
	return bus.Receipt{}, nil
}

func TestWhatIsToldIsCounted(t *testing.T) {
	t.Parallel()
	p, metrics := &taker{}, prometheus.NewRegistry()
	teller := NewTeller(p, "ops", metrics)
	e := New(StoreNearlyFull, "1", "", samples()[StoreNearlyFull])
	if err := teller.Tell(t.Context(), e); err != nil || len(p.taken) != 1 || !p.taken[0].Reserved || p.taken[0].Key != "ops "+e.ID {
		t.Errorf("%v, published with %+v", err, p.taken)
	}
	p.away = true
	if err := teller.Tell(t.Context(), e); !errors.Is(err, bus.ErrUnavailable) {
		t.Errorf("a bus that is away: %v", err)
	}
	families, err := metrics.Gather()
	if err != nil || len(families) != 1 {
		t.Fatalf("metrics %v, %v", families, err)
	}
	all := families[0].GetMetric()
	if len(all) != 2*len(Types()) {
		t.Errorf("%d series, want all from the start", len(all))
	}
	for _, m := range all {
		want := 0.0
		if m.GetLabel()[1].GetValue() == string(StoreNearlyFull) { // sorted by name: outcome, type
			want = 1
		}
		if n := m.GetCounter().GetValue(); n != want {
			t.Errorf("%v counted %v", m.GetLabel(), n)
		}
	}
}
