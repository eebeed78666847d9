package root_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/hookspan/hookspan/cmd/hookspan/cli"
)

// What was published before an endpoint was there is replayed to it; what it failed at is replayed by
// query; both are the same events under the same ids, and a restart changes nothing.
func TestReplays(t *testing.T) {
	t.Parallel()
	const events = 9 // with two attempts each; ten would open the breaker
	matching := fmt.Sprintf("%d match", events)
	for _, kind := range kinds {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			old, fresh := newFickle(t), newFickle(t)
			fresh.refuses = false
			environ := append(emptyBus(t, kind), "HOOKSPAN_SEAL_KEY="+sealKey, "HOOKSPAN_ENDPOINTS=old", "HOOKSPAN_ENDPOINT_OLD_URL="+old.URL,
				"HOOKSPAN_ENDPOINT_OLD_SECRETS=whsec_"+strings.Repeat("QUFB", 8), "HOOKSPAN_ENDPOINT_OLD_SCHEDULE=10ms")
			r := launch(t, environ...)
			r.shows("/readyz", http.StatusOK, "")
			for n := range events {
				r.takes(fmt.Sprint("event-", n))
			}
			for n := range events {
				r.shows(fmt.Sprint("/v1/deliveries?endpoint=old&event=event-", n), http.StatusOK, `"reason":"exhausted"`)
			}
			run := commands(t, "HOOKSPAN_SERVER=http://"+r.AdminAddr(), "HOOKSPAN_ADMIN_TOKEN="+testToken)
			begin := func(args ...string) string {
				t.Helper()
				var v struct{ ID string }
				if err := json.Unmarshal([]byte(run(cli.ExitDone, "", append([]string{"replay", "start", "--json"}, args...)...)), &v); err != nil {
					t.Fatal(err)
				}
				return v.ID
			}
			run(cli.ExitDone, "created", "endpoints", "create", "fresh", "--url", fresh.URL, "--events", "nothing.of.this")
			run(cli.ExitDone, "0 match", "replay", "start", "fresh", "--from", "all", "--dry-run")
			filters := `[{"prefix":{"type":"t."}}]`
			run(cli.ExitDone, matching, "replay", "start", "fresh", "--from", "all", "--dry-run", "--filters", filters)
			first := begin("fresh", "--from", "all", "--filters", filters)
			took := map[string]bool{}
			for range events {
				took[<-fresh.took] = true
			}
			if len(took) != events {
				t.Errorf("the new endpoint took %v", took)
			}
			r.shows("/v1/replays/"+first, http.StatusOK, `"state":"done"`)
			run(cli.ExitDone, fmt.Sprintf("%d deliveries, %[1]d sent, 0 failed", events), "replay", "get", first)

			old.mu.Lock()
			old.refuses = false
			old.mu.Unlock()
			run(cli.ExitDone, matching, "replay", "start", "old", "--status", "failed", "--dry-run")
			second := begin("old", "--status", "failed", "--rate", "5/s")
			<-old.took
			run(cli.ExitDone, "paused", "replay", "pause", second)
			r.shows("/v1/replays/"+second, http.StatusOK, `"state":"paused"`)
			r.stop()

			r = launch(t, environ...)
			r.shows("/readyz", http.StatusOK, "")
			r.shows("/v1/replays/"+second, http.StatusOK, `"state":"paused"`)
			run = commands(t, "HOOKSPAN_SERVER=http://"+r.AdminAddr(), "HOOKSPAN_ADMIN_TOKEN="+testToken)
			run(cli.ExitDone, "running", "replay", "resume", second)
			for range events - 1 {
				<-old.took
			}
			r.shows("/v1/replays/"+second, http.StatusOK, fmt.Sprintf(`"state":"done","matched":%d,"sent":%[1]d,"failed":0`, events))
			run(cli.ExitFailed, "conflict", "replay", "cancel", second)
			if out := run(cli.ExitDone, "", "replay", "--json"); strings.Count(out, "\n") != 2 {
				t.Errorf("listed are\n%s", out)
			}
			for _, f := range []*fickle{old, fresh} {
				f.mu.Lock()
				for id, seen := range f.ids {
					if want := map[*fickle]string{old: second, fresh: first}[f]; len(seen) != 1 || f.replays[id] != want {
						t.Errorf("%s came under %v, with replay %q, want one id and %s", id, seen, f.replays[id], want)
					}
				}
				f.mu.Unlock()
			}
		})
	}
}
