//go:build fleets

package root_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/hookspan/hookspan/sinks/jetstream/natstest"
	"github.com/hookspan/hookspan/sinks/mail/mailtest"
)

// Of a fleet one replica sends each mail, and another one goes on where it ended.
func TestAlertsOfAFleet(t *testing.T) {
	t.Parallel()
	server, endpoint := mailtest.New(t, mailtest.Options{}), newMoody(t)
	environ := append(endpoint.alerting(server), onNATS(natstest.Start(t, 1, natstest.Config{}))...)
	environ = append(environ, "HOOKSPAN_SEAL_KEY="+sealKey)
	fleet := []*replica{launch(t, environ...), launch(t, environ...)}
	for _, r := range fleet {
		r.shows("/readyz", http.StatusOK, "ready")
		r.shows("/metrics", http.StatusOK, "hookspan_shards_owned 16")
	}
	fleet[0].takes("one")
	server.Await(2)
	fleet[0].stop()
	endpoint.bad.Store(false)
	fleet[1].shows("/metrics", http.StatusOK, "hookspan_shards_owned 32")
	fleet[1].takes("two")
	server.Await(4)
	fleet = append(fleet, launch(t, environ...))
	fleet[2].shows("/readyz", http.StatusOK, "ready")
	fleet[1].stop()
	fleet[2].shows("/metrics", http.StatusOK, "hookspan_shards_owned 32")
	endpoint.bad.Store(true)
	fleet[2].takes("three")
	mails := server.Await(6)
	fleet[2].stop()
	got := map[string]int{}
	for _, m := range mails {
		got[strings.TrimPrefix(m.Subject, "[hooks.shop.example] endpoint ")+" to "+m.To]++
	}
	for _, to := range []string{"ops@shop.example", "oncall@crm.example"} {
		if got["crm: 1 delivery was given up to "+to] != 2 || got["crm is well again to "+to] != 1 {
			t.Errorf("mails %v", got)
		}
	}
}
