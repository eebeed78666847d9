package root_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/hookspan/hookspan/cmd/hookspan/cli"
)

// Whoever asks why is told all of it and no secret, also after a restart.
func TestAttemptsAreExplained(t *testing.T) {
	t.Parallel()
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Request-Id", "7f31")
		http.SetCookie(w, &http.Cookie{Name: "session", Value: needle})
		if r.Header.Get("Hookspan-Attempt") == "1" {
			w.WriteHeader(http.StatusInternalServerError)
			_, _ = io.WriteString(w, "no order of "+r.Header.Get("X-Api-Key")+"\nat "+r.RequestURI)
			return
		}
		_, _ = w.Write([]byte{0, 0xff})
	}))
	defer receiver.Close()
	dir := t.TempDir()
	start := func() (*replica, func(code int, says string, args ...string) string) {
		r := launch(t, "HOOKSPAN_DATA_DIR="+dir, "HOOKSPAN_EMBEDDED_MAX_STORE=64MB", "HOOKSPAN_ENDPOINTS=crm", "HOOKSPAN_ENDPOINT_CRM_SCHEDULE=100ms",
			"HOOKSPAN_ENDPOINT_CRM_URL="+receiver.URL+"/in?key="+needle, "HOOKSPAN_ENDPOINT_CRM_HEADERS=X-Api-Key: "+needle)
		r.shows("/readyz", http.StatusOK, "")
		return r, commands(t, "HOOKSPAN_SERVER=http://"+r.AdminAddr(), "HOOKSPAN_ADMIN_TOKEN="+testToken)
	}
	type delivery struct {
		ID       string
		Attempts json.RawMessage
	}
	read := func(text string) (d delivery) {
		if err := json.Unmarshal([]byte(text), &d); err != nil {
			t.Fatalf("%v: %s", err, text)
		}
		return d
	}
	r, run := start()
	r.takes("one")
	r.shows("/v1/deliveries?event=one", http.StatusOK, `"status":"delivered"`)
	id := read(run(cli.ExitDone, "one", "deliveries", "--event", "one", "--json")).ID
	text, whole := run(cli.ExitDone, "FIRST BYTE", "deliveries", "get", id), run(cli.ExitDone, `"first_byte_ms"`, "deliveries", "get", id, "--json")
	for _, want := range []string{
		receiver.Listener.Addr().String() + "  status 500: ", "\nattempt 1, request\n", "  X-Api-Key: ***\n", "  Hookspan-Attempt: 1\n", "  Webhook-Id: msg_",
		"\nattempt 1, response\n", "  X-Request-Id: 7f31\n", "  Set-Cookie: ***\n", "  no order of ***\n  at /in?***\n",
		"\nattempt 1, then  ", "by the schedule 100ms after the attempt", "  Hookspan-Attempt: 2\n", `(2 bytes that are no text) "\x00\xff"`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	if tried := run(cli.ExitFailed, "status 500: ", "endpoints", "test", "crm", "--type", "t.tried"); strings.Contains(tried, needle) || !strings.Contains(tried, "no order of ***") {
		t.Errorf("a test shows\n%s", tried)
	}
	for bad, says := range map[string]string{"": "type: is empty", "a\x01b": "type: holds what is not allowed", "\uffff": "type: holds what is not allowed"} {
		run(cli.ExitFailed, says, "endpoints", "test", "crm", "--type", bad)
	}
	run(cli.ExitUsage, "--type: is no UTF-8", "endpoints", "test", "crm", "--type", "a\xff")
	for _, want := range []string{"SUCCESS", "100.0 %", "0.0 %", "nothing waits"} { // delivered, by the second attempt
		run(cli.ExitDone, want, "stats", "--endpoint", "crm", "--interval", "1h")
	}
	if found := run(cli.ExitDone, id, "deliveries", "--type", "t.*", "--text", "no order of", "--status-code", "200"); strings.Count(found, "\n") != 2 {
		t.Errorf("found are\n%s", found)
	}
	if strings.Contains(text+whole, needle) {
		t.Errorf("a secret is shown:\n%s\n%s", text, whole)
	}
	r.stop()

	_, run = start()
	if before, after := read(whole).Attempts, read(run(cli.ExitDone, id, "deliveries", "get", id, "--json")).Attempts; string(before) != string(after) {
		t.Errorf("before the restart\n%s\nand after it\n%s", before, after)
	}
}
