package root_test

import (
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
)

// nasty is what a sender may put into an id, or a receiver into an answer.
const nasty = "a\x1b[2Jb\u009b31mc\rd\u202ee\u2066f\x7fg\u200fh\U000e0001i\u2028j"

func TestWhatIsPrintedCannotMoveTheCursor(t *testing.T) {
	t.Parallel()
	text, err := json.Marshal(nasty)
	if err != nil {
		t.Fatal(err)
	}
	n := string(text)
	delivery := `{"id":` + n + `,"endpoint":` + n + `,"endpoint_name":` + n + `,"status":` + n + `,"reason":` + n + `,"waits":` + n +
		`,"event":{"id":` + n + `,"source":` + n + `,"type":` + n + `,"topic":` + n + `},"created":"2026-05-04T10:00:00Z",` +
		`"attempts":[{"number":1,"sent":"2026-05-04T10:00:00Z","received":"2026-05-04T10:00:00Z","reason":` + n + `,"detail":` + n + `,"address":` + n +
		`,"request":{"headers":{` + n + `:` + n + `}},"response":{"headers":{` + n + `:` + n + `},"body":` + n + `},"next_attempt":"2026-05-04T10:00:00Z","next_detail":` + n + `},` +
		`{"number":2,"sent":"2026-05-04T10:00:00Z","received":"2026-05-04T10:00:00Z","response":` + n + `},` +
		`{"number":3,"sent":"2026-05-04T10:00:00Z","received":"2026-05-04T10:00:00Z","response":{"body_base64":"` + base64.StdEncoding.EncodeToString([]byte(nasty)) + `"}}]}`
	endpoint := `{"id":` + n + `,"name":` + n + `,"url":` + n + `,"state":` + n + `,"reason":` + n + `,"events":[` + n + `],"secrets":[` + n + `]}`
	answers := map[string]string{
		"GET /v1/deliveries":     `{"items":[` + delivery + `],"next":null,"behind":[{"endpoint_name":` + n + `,"unknown":` + n + `}]}`,
		"GET /v1/deliveries/x":   delivery,
		"GET /v1/endpoints":      `{"items":[` + endpoint + `,{"id":"ep_1","name":"crm"}],"next":null}`,
		"GET /v1/endpoints/ep_1": endpoint,
		"POST /v1/endpoints":     endpoint,
		"GET /v1/refusals":       `{"items":[{"time":"2026-05-04T10:00:00Z","source":` + n + `,"reason":` + n + `,"detail":` + n + `,"remote":` + n + `}],"next":null}`,
		"GET /v1/event-types":    `{"items":[{"type":` + n + `,"provider":` + n + `,"sources":[` + n + `],"endpoints":[{"name":` + n + `,"state":` + n + `,"decides":[` + n + `]}]}],"next":null}`,
		"GET /v1/event-types/x": `{"type":` + n + `,"sources":[` + n + `],"topics":[` + n + `],"content_types":[` + n + `],"data_schemas":[` + n + `],"schema":` + n + `,"endpoints":[{"name":` + n + `,"state":` + n + `}],` +
			`"example":{"a":` + n + `},"example_of":"event","schema_document":{"a":` + n + `}}`,
		"GET /v1/event-types/x/inferred": `{"schema":{"title":` + n + `}}`,
		"GET /v1/event-types/x/diff":     `{"schema":` + n + `,"differences":[{"path":` + n + `,"kind":` + n + `,"arrived":[` + n + `],"detail":` + n + `}]}`,
		"POST /webhooks/shop":            `<p>` + nasty + `</p>`,
		"GET /v1/deliveries/fail":        "",
	}
	server := listenForTokens(t, func(w http.ResponseWriter, r *http.Request) {
		answer := answers[r.Method+" "+r.URL.Path]
		if answer == "" {
			w.WriteHeader(http.StatusConflict)
			answer = `{"title":` + n + `,"detail":` + n + `,"code":` + n + `,"errors":[{"path":` + n + `,"message":` + n + `}]}`
		}
		_, _ = io.WriteString(w, answer)
	})
	environ := []string{"HOOKSPAN_SERVER=" + server.URL, "HOOKSPAN_ADMIN_TOKEN=given"}
	for _, args := range []string{
		"deliveries --event x", "deliveries get x", "deliveries get fail", "deliveries retry " + "a\u009bb", "endpoints", "endpoints get crm",
		"endpoints get no\u202esuch", "endpoints create a --url x", "refusals", "types", "types show x", "types infer x", "types diff x", "trigger sticker --secret s --to " + server.URL + "/webhooks/shop",
	} {
		for _, form := range []string{"text", "json"} {
			words := strings.Fields(args)
			if form == "json" {
				words = append(words, "--json")
			}
			out, errs, _ := hookspan(t, environ, words...)
			if i := strings.IndexFunc(out+errs, func(r rune) bool {
				return r != '\n' && strings.ContainsRune(nasty, r) && !strings.ContainsRune("abcdefghij[2J31m", r)
			}); i >= 0 {
				t.Errorf("%s (%s) prints %q", args, form, (out + errs)[i:])
			}
			for line := range strings.Lines(out) {
				if form == "json" && args != "endpoints get crm" && len(strings.TrimSpace(line)) > 2 && strings.HasPrefix(line, "{\"") && !json.Valid([]byte(line)) {
					t.Errorf("%s: not JSON: %s", args, line)
				}
			}
		}
	}
	out, _, _ := hookspan(t, environ, "deliveries", "get", "x", "--json")
	var back struct{ ID string }
	if err := json.Unmarshal([]byte(out), &back); err != nil || back.ID != nasty {
		t.Errorf("from --json came %q, %v", back.ID, err)
	}
}

// The commands say why, as the API does.
func TestDeliveriesSayWhy(t *testing.T) {
	t.Parallel()
	const (
		at      = `"2026-05-04T10:00:00Z"`
		head    = `{"id":"dlv_1","endpoint":"ep_1","endpoint_name":"crm","event":{"id":"e1","source":"/s","type":"a.b","topic":"t"},"created":` + at + `,`
		attempt = `{"number":1,"sent":` + at + `,"received":` + at + `,"duration_ms":3,"reason":"tls","detail":"the certificate has expired or is not valid yet"}`
	)
	answers := map[string]string{
		"dlv_1": head + `"status":"pending","attempts":[` + attempt + `],"next_attempt":` + at + `,"waits":"retry","until":` + at + `}`,
		"dlv_2": head + `"status":"failed","reason":"exhausted","attempts":[{"number":1,"sent":` + at + `,"received":` + at + `,"status_code":500,"duration_ms":3,"reason":"status","detail":"the endpoint answered with an error","response":"no"}]}`,
		"dlv_3": head + `"status":"pending","attempts":[],"waits":"limited","until":` + at + `}`,
		"dlv_4": head + `"status":"delivered","attempts":[{"number":1,"sent":` + at + `,"received":` + at + `,"status_code":429,"duration_ms":120.2,"dns_ms":2.12,"connect_ms":12.4,"tls_ms":0,` +
			`"first_byte_ms":86.2,"address":"203.0.113.7:443","reason":"limited","detail":"the endpoint asks for fewer requests","request":{"headers":{"Webhook-Id":"msg_1","Authorization":"***"}},` +
			`"response":{"headers":{"Content-Type":"text/plain"},"body":"too many\nrequests\n"},"next_attempt":` + at + `,"next_reason":"retry_after","next_detail":"the endpoint asks for nothing before (Retry-After)"},` +
			`{"number":2,"sent":` + at + `,"received":` + at + `,"status_code":200,"duration_ms":3,"response":{"body_base64":"AP9B"}}]}`,
	}
	server := listenForTokens(t, func(w http.ResponseWriter, r *http.Request) {
		if id := strings.TrimPrefix(r.URL.Path, "/v1/deliveries/"); answers[id] != "" {
			_, _ = io.WriteString(w, answers[id])
			return
		}
		_, _ = io.WriteString(w, `{"items":[`+answers["dlv_1"]+`,`+answers["dlv_2"]+`,`+answers["dlv_3"]+`],"next":null,"behind":[`+
			`{"endpoint":"ep_2","endpoint_name":"erp","since":`+at+`,"oldest":`+at+`,"events":17,"about":true,"waits":"disabled"},{"endpoint":"ep_3","endpoint_name":"old","events":0,"unknown":"nobody knows"}]}`)
	})
	environ := []string{"HOOKSPAN_SERVER=" + server.URL, "HOOKSPAN_ADMIN_TOKEN=given"}
	says := func(want []string, args ...string) {
		t.Helper()
		out, errs, code := hookspan(t, environ, args...)
		for _, text := range want {
			if !strings.Contains(out, text) {
				t.Errorf("%v: no %q in\n%s%s (code %d)", args, text, out, errs, code)
			}
		}
	}
	says([]string{"tls: the certificate has expired or is not valid yet\n", "pending (retry)", "waits  retry, until "}, "deliveries", "get", "dlv_1")
	says([]string{"failed (exhausted)", "status 500: the endpoint answered with an error\n", "\nattempt 1, response\n  no\n"}, "deliveries", "get", "dlv_2")
	says([]string{
		"FIRST BYTE  TOTAL   ADDRESS          OUTCOME\n", "  2.1 ms  12 ms    -    86 ms       120 ms  203.0.113.7:443  limited 429: the endpoint asks for fewer requests\n",
		"\nattempt 1, request\n  Authorization: ***\n  Webhook-Id: msg_1\n", "\nattempt 1, response\n  Content-Type: text/plain\n\n  too many\n  requests\n",
		": the endpoint asks for nothing before (Retry-After)\n", "\nattempt 2, response\n  (3 bytes that are no text) \"\\x00\\xffA\"\n",
	}, "deliveries", "get", "dlv_4")
	says([]string{"tls: the certificate", "status 500: the endpoint", "pending (limited)"}, "deliveries", "get", "bat_1")
	says([]string{
		"REASON", "tls: the certificate has expired or is not valid yet", "exhausted; status 500: the endpoint answered with an error",
		"pending (limited)", "erp has not come to it yet (disabled): about 17 events wait, behind since 2026-05-04", "old may not have come to it yet: nobody knows",
	}, "deliveries", "--event", "e1")
	says([]string{`{"behind":{"endpoint":"ep_2","endpoint_name":"erp"`}, "deliveries", "--event", "e1", "--json")
}
