//go:build fleets

package root_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"github.com/hookspan/hookspan/cmd/hookspan/cli"
	"github.com/hookspan/hookspan/sinks/jetstream/natstest"
)

// From a bus of its own to NATS, as the chart's README says it: the new installation takes what comes
// in, and the old one goes when it has delivered what it has.
func TestMovingToAnotherBus(t *testing.T) {
	t.Parallel()
	var well atomic.Bool
	arrived := make(chan string, 10) // the endpoint sends, the test receives
	endpoint := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !well.Load() {
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		arrived <- r.Header.Get("Ce-Id")
	}))
	t.Cleanup(endpoint.Close)
	same := []string{"HOOKSPAN_SEAL_KEY=" + sealKey, "HOOKSPAN_ENDPOINTS=crm", "HOOKSPAN_ENDPOINT_CRM_URL=" + endpoint.URL,
		"HOOKSPAN_ENDPOINT_CRM_SIGNATURE=none", "HOOKSPAN_ENDPOINT_CRM_SCHEDULE=100ms,100ms,1h,1h", "HOOKSPAN_ENDPOINT_CRM_JITTER=0%"}
	older := launch(t, append(same, "HOOKSPAN_EMBEDDED_MAX_STORE=64MB")...)
	older.shows("/readyz", http.StatusOK, "ready")
	older.takes("old")
	older.shows("/v1/deliveries?status=pending", http.StatusOK, `"number":3`) // the next attempt is an hour away

	newer := launch(t, append(onNATS(natstest.Start(t, 1, natstest.Config{})), same...)...)
	newer.shows("/readyz", http.StatusOK, "ready")
	well.Store(true)
	newer.takes("new")
	if id := <-arrived; id != "new" {
		t.Errorf("the endpoint got %s", id)
	}
	admins := []string{"HOOKSPAN_SERVER=http://" + older.AdminAddr(), "HOOKSPAN_ADMIN_TOKEN=" + testToken}
	out, errs, code := hookspan(t, admins, "deliveries", "list", "--status", "pending", "--json")
	var waits struct{ ID string }
	if err := json.Unmarshal([]byte(out), &waits); err != nil || code != cli.ExitDone {
		t.Fatalf("what waits is not shown: code %d, %v: %s%s", code, err, out, errs)
	}
	if _, errs, code := hookspan(t, admins, "deliveries", "retry", waits.ID); code != cli.ExitDone {
		t.Error(errs)
	}
	if id := <-arrived; id != "old" {
		t.Errorf("the endpoint got %s", id)
	}
	older.shows("/v1/deliveries?event=old", http.StatusOK, `"status":"delivered"`)
	if out, errs, code := hookspan(t, admins, "deliveries", "list", "--status", "pending", "--json"); code != cli.ExitDone || out != "" {
		t.Errorf("something waits: code %d, %s%s", code, out, errs)
	}
}
