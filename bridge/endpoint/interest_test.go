package endpoint_test

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"testing"

	"github.com/hookspan/hookspan/bridge/endpoint"
	"github.com/hookspan/hookspan/bridge/endpoint/endpointtest"
	"github.com/hookspan/hookspan/schemas/schematest"
)

func TestInterest(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(*endpoint.Endpoint)
		topics []string
		want   string
	}{
		"all types":               {nil, []string{"t.a"}, "true []"},
		"its type":                {func(e *endpoint.Endpoint) { e.Events = []string{"x", "com.acme.*"} }, nil, "true []"},
		"another type":            {func(e *endpoint.Endpoint) { e.Events = []string{"com.acme"} }, nil, "false []"},
		"not active":              {func(e *endpoint.Endpoint) { e.Active = false }, nil, "false []"},
		"its topic":               {func(e *endpoint.Endpoint) { e.Topics = []string{"t.>"} }, []string{"t.a", "t.b"}, "true []"},
		"another topic":           {func(e *endpoint.Endpoint) { e.Topics = []string{"u.>"} }, []string{"t.a"}, "false []"},
		"one of its topics":       {func(e *endpoint.Endpoint) { e.Topics = []string{"t.a"} }, []string{"t.a", "t.b"}, "true [topic]"},
		"a topic, who knows":      {func(e *endpoint.Endpoint) { e.Topics = []string{"t.a"} }, nil, "true [topic]"},
		"a tenant's, and filters": {func(e *endpoint.Endpoint) { e.Tenant = "acme"; _ = e.Filters.Parse(`[{"jq":".data.a"}]`) }, []string{"t.a"}, "true [tenant filters]"},
	} {
		e := endpoint.Default()
		e.Name, e.URL, e.Signature = "crm", "https://crm.example/", "none"
		if c.change != nil {
			c.change(e)
		}
		made, err := endpoint.NewRegistry(endpointtest.New(), nil, endpoint.Options{}).Create(t.Context(), e)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		takes, decide := made.Interest("com.acme.order", c.topics)
		if got := fmt.Sprint(takes, " ", decide); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
	if takes, _ := new(endpoint.Endpoint).Interest("a", nil); takes {
		t.Error("an endpoint without a period takes something")
	}
}

func TestSchemaKnowsEveryCondition(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../schemas/event-type.json")
	if err != nil {
		t.Fatal(err)
	}
	var schema struct {
		Properties struct {
			Endpoints struct {
				Items struct {
					Properties struct {
						Decides struct {
							Items struct{ Enum []string }
						}
					}
				}
			}
		}
	}
	if err := json.Unmarshal(text, &schema); err != nil {
		t.Fatal(err)
	}
	have := schema.Properties.Endpoints.Items.Properties.Decides.Items.Enum
	if want := schematest.Closed(t, "Condition"); !slices.Equal(have, want) {
		t.Errorf("event-type.json says %v, there is %v", have, want)
	}
}
