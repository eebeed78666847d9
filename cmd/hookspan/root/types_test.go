package root_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/hookspan/hookspan/cmd/hookspan/cli"
)

// What providers send is listed before it came; what came is counted, shown, made a schema of and
// compared with one; after a restart too, before an endpoint reads anything and with one.
func TestTypes(t *testing.T) {
	t.Parallel()
	const shipped = "com.sticker.order.shipped"
	for _, kind := range kinds {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			f := newFickle(t)
			f.refuses = false
			environ := append(emptyBus(t, kind), "HOOKSPAN_SEAL_KEY="+sealKey, "HOOKSPAN_SOURCES=shop,orders",
				"HOOKSPAN_SOURCE_ORDERS_PROVIDER=sticker", "HOOKSPAN_SOURCE_ORDERS_SECRETS="+testToken)
			r := launch(t, environ...)
			r.shows("/readyz", http.StatusOK, "")
			run := commands(t, "HOOKSPAN_SERVER=http://"+r.AdminAddr(), "HOOKSPAN_ADMIN_TOKEN="+testToken)
			run(cli.ExitDone, "no event was counted yet", "types")
			if out := run(cli.ExitDone, "", "types", "--json"); strings.Count(out, "\n") != 3 || !strings.Contains(out, `"type":"`+shipped+`","known":true,"provider":"sticker"`) {
				t.Errorf("declared are\n%s", out)
			}
			run(cli.ExitDone, "a sample, made up", "types", "show", shipped)
			run(cli.ExitFailed, "no event of this type is among the newest", "types", "infer", shipped)

			run(cli.ExitDone, "", "trigger", "sticker", "order.shipped", "--secret", testToken, "--to", "http://"+r.IntakeAddr()+"/webhooks/orders")
			publish := func(n int, eventType, data string) {
				t.Helper()
				event := fmt.Sprintf(`{"specversion":"1.0","id":"e-%d","source":"/t","type":%q,"data":%s}`, n, eventType, data)
				if status, body := r.call(http.MethodPost, "http://"+r.IntakeAddr()+"/webhooks/shop", event); status != http.StatusOK {
					t.Fatalf("answered %d %s", status, body)
				}
			}
			for n := range 3 {
				publish(n, "com.example.paid", fmt.Sprintf(`{"invoice":%d,"at":"2026-05-04T10:00:0%dZ"}`, n, n))
			}
			publish(7, shipped, `{"event":"order.shipped","data":{"order_id":7}}`)
			seen := func() {
				t.Helper()
				var v struct {
					Count   int
					Sources []string
				}
				if err := json.Unmarshal([]byte(run(cli.ExitDone, "", "types", "show", shipped, "--json")), &v); err != nil || v.Count != 2 || len(v.Sources) != 2 {
					t.Errorf("%+v, %v", v, err)
				}
				run(cli.ExitDone, "5 events\n", "types", "list", "--seen")
				if out := run(cli.ExitDone, "com.example.paid", "types", "list", "--unknown", "--json"); strings.Count(out, "\n") != 1 || !strings.Contains(out, `"count":3`) {
					t.Errorf("unknown are\n%s", out)
				}
				run(cli.ExitDone, `"order.shipped"`, "types", "show", shipped)
				run(cli.ExitDone, "\nno schema is known; inferred from what arrived\n{", "types", "show", "com.example.paid")
				run(cli.ExitDone, `"format": "date-time"`, "types", "infer", "com.example.paid")
				run(cli.ExitFailed, "/data/order_id", "types", "diff", shipped)
				run(cli.ExitFailed, "difference(s) from the schema", "types", "diff", shipped, "--json")
				address := `"address": "hookspan.events.orders`
				if kind != "kafka" {
					address += ".order.shipped"
				}
				run(cli.ExitDone, address+`"`, "types", "asyncapi")
				run(cli.ExitDone, `"name": "com.example.paid"`, "types", "asyncapi", "--json")
			}
			for within := time.After(20 * time.Second); strings.Contains(run(cli.ExitDone, "", "types"), "no event was counted yet"); { // it was a moment ago
				select {
				case <-time.After(100 * time.Millisecond):
				case <-within:
					t.Fatal("what is stored is not counted")
				}
			}
			seen()
			run(cli.ExitFailed, "did you mean "+shipped+"?", "types", "show", "com.sticker.order.shiped")
			run(cli.ExitFailed, "there are cloudevents, sticker", "types", "list", "--provider", "stripe")
			r.stop()

			r = launch(t, append(environ, "HOOKSPAN_ENDPOINTS=crm", "HOOKSPAN_ENDPOINT_CRM_URL="+f.URL, "HOOKSPAN_ENDPOINT_CRM_EVENTS=com.sticker.*",
				"HOOKSPAN_ENDPOINT_CRM_SECRETS=whsec_"+strings.Repeat("QUFB", 8))...)
			r.shows("/readyz", http.StatusOK, "")
			run = commands(t, "HOOKSPAN_SERVER=http://"+r.AdminAddr(), "HOOKSPAN_ADMIN_TOKEN="+testToken)
			seen()
			run(cli.ExitDone, "crm (enabled)", "types", "show", shipped)
			run(cli.ExitDone, "no endpoint", "types", "show", "com.example.paid")
			if out := run(cli.ExitDone, `"deliver.endpoint.crm"`, "types", "asyncapi"); strings.Contains(out, f.URL) || strings.Contains(out, "QUFB") {
				t.Error("the document has the endpoint's URL or secret")
			}
			publish(8, "com.sticker.order.lost", `{}`)
			<-f.took
			run(cli.ExitDone, "6 events\n", "types")
			r.stop()
		})
	}
}

// What is printed of types says what the figures are about.
func TestTypesSayWhatWasCounted(t *testing.T) {
	t.Parallel()
	const item = `{"type":"a.b","known":false,"count":7,"counted_since":"2026-05-04T10:00:00Z","last_seen":"2026-05-04T10:00:00Z","sources":["/s","/t"],"more_sources":true,"topics":[],"content_types":[],` +
		`"data_schemas":[],"deliveries":0,"endpoints":[{"id":"ep_1","name":"crm","state":"enabled","decides":["topic","filters"]},{"id":"ep_2","name":"erp","state":"paused","decides":[]}],"more_endpoints":3}`
	server := listenForTokens(t, func(w http.ResponseWriter, r *http.Request) {
		answer := item
		switch {
		case r.URL.Path == "/v1/event-types":
			answer = `{"items":[` + item + `],"next":null,"counted":{"since":"2026-05-04T10:00:00Z","events":9,"missed":40,"unlisted":2,"unlisted_deliveries":6}}`
		case strings.HasSuffix(r.URL.Path, "/inferred"):
			answer = `{"type":"a.b","events":100,"without_json":3,"looked":100,"since":"2026-05-04T10:00:00Z","until":"2026-05-04T10:00:00Z","partial":true,"left_out":true,"schema":{"type":"object"}}`
		case strings.HasSuffix(r.URL.Path, "/a.c/diff"):
			answer = `{"type":"a.c","events":1,"without_json":0,"looked":1,"since":"2026-05-04T10:00:00Z","until":"2026-05-04T10:00:00Z","schema":"https://s.example/a","different":true,"more":true,` +
				`"differences":[{"path":"/a","kind":"undeclared","arrived":["number"],"count":1,"of":1,"detail":"d"}]}`
		case strings.HasSuffix(r.URL.Path, "/diff"):
			answer = `{"type":"a.b","events":1,"without_json":0,"looked":1,"since":"2026-05-04T10:00:00Z","until":"2026-05-04T10:00:00Z","schema":"https://s.example/a","different":false,"differences":[]}`
		}
		_, _ = io.WriteString(w, answer)
	})
	environ := []string{"HOOKSPAN_SERVER=" + server.URL, "HOOKSPAN_ADMIN_TOKEN=given"}
	for args, want := range map[string][]string{
		"types":           {"/s, /t and more", "crm*, erp, and 3 more", ": 9 events; about 40 others were not; 2 are of types that are not listed, because there are too many; 6 deliveries are of such, too\n"},
		"types show a.b":  {"no schema describes it", "crm (enabled), not all: topic and filters decide of each\n", "erp (paused)\n", "and 3 more\n", "  events        7, counted by this server since 2026-05-04"},
		"types infer a.b": {"{\n  \"type\": \"object\"\n}\n", "of the newest 100 events", "3 of them have no JSON data", "the time did not suffice", "left out"},
		"types diff a.b":  {"https://s.example/a\n", "there is no difference\n"},
	} {
		out, errs, code := hookspan(t, environ, strings.Fields(args)...)
		for _, text := range want {
			if code != cli.ExitDone || !strings.Contains(out+errs, text) {
				t.Errorf("%s: no %q in\n%s%s (code %d)", args, text, out, errs, code)
			}
		}
	}
	out, errs, code := hookspan(t, environ, "types", "diff", "a.c")
	if code != cli.ExitFailed || !strings.Contains(out, "\nthere are more; the first 1 are shown\n") || !strings.Contains(errs, "more than 1 difference(s) from the schema") {
		t.Errorf("of more differences:\n%s%s (code %d)", out, errs, code)
	}
}
