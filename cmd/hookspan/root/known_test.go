package root_test

import (
	"fmt"
	"net/http"
	"path/filepath"
	"testing"

	"github.com/hookspan/hookspan/cmd/hookspan/cli"
)

// What intake knew before a backup it knows after the restore, on whatever bus: what comes again under a
// known id or key, or to the quarantine, is a repeat, and an id with another body is another event.
func TestARestoreForgetsNoId(t *testing.T) {
	t.Parallel()
	onto := map[string][]string{"embedded": {"embedded", "kafka"}, "nats": {"kafka"}, "kafka": {"kafka", "nats"}}
	for _, from := range kinds {
		t.Run("from "+from, func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(t.TempDir(), "backup")
			environ := withKeys(emptyBus(t, from))
			r := launch(t, environ...)
			r.shows("/readyz", http.StatusOK, "ready")
			r.sends("shop", "1", `{"a":1}`)
			r.sends("shop", `bad\u0001`, `{}`)
			r.sends("keyed", "1", `{"order":7}`)
			r.stop()
			commands(t, environ...)(cli.ExitDone, "3 event(s)", "backup", file)
			for _, to := range onto[from] {
				t.Run("onto "+to, func(t *testing.T) {
					environ := withKeys(emptyBus(t, to))
					commands(t, environ...)(cli.ExitDone, "It was restored", "restore", file)
					r := launch(t, environ...)
					r.shows("/readyz", http.StatusOK, "ready")
					r.sends("shop", "1", `{"a":1}`)
					r.sends("shop", `bad\u0001`, `{}`)
					r.sends("keyed", "2", `{"order":7}`)
					r.counts("shop", "repeated", 2)
					r.counts("keyed", "repeated", 1)
					r.sends("shop", "1", `{"a":2}`)
					r.counts("shop", "accepted", 1)
					r.shows("/metrics", http.StatusOK, `hookspan_intake_altered_total{source="shop"} 1`)
					r.stop()
				})
			}
		})
	}
}

// withKeys are the settings of a server with a source beside shop that knows events by a key.
func withKeys(environ []string) []string {
	return append(environ, "HOOKSPAN_SEAL_KEY="+sealKey, "HOOKSPAN_SOURCES=shop,keyed",
		"HOOKSPAN_SOURCE_SHOP_PROVIDER=cloudevents", "HOOKSPAN_SOURCE_SHOP_SECRETS="+testToken, "HOOKSPAN_SOURCE_KEYED_PROVIDER=cloudevents",
		"HOOKSPAN_SOURCE_KEYED_SECRETS="+testToken, "HOOKSPAN_SOURCE_KEYED_DEDUP_KEY=/order")
}

// sends has a source take an event.
func (r *replica) sends(source, id, data string) {
	r.t.Helper()
	body := fmt.Sprintf(`{"specversion":"1.0","id":"%s","source":"/t","type":"t.made","data":%s}`, id, data)
	if status, answer := r.call(http.MethodPost, "http://"+r.IntakeAddr()+"/webhooks/"+source, body); status != http.StatusOK {
		r.t.Fatalf("event %s of %s was answered %d %s", id, source, status, answer)
	}
}

// counts waits until a source has answered as many requests so.
func (r *replica) counts(source, outcome string, n int) {
	r.t.Helper()
	r.shows("/metrics", http.StatusOK, fmt.Sprintf(`hookspan_intake_requests_total{outcome=%q,source=%q} %d`+"\n", outcome, source, n))
}
