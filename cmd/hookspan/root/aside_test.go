package root_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/hookspan/hookspan/cmd/hookspan/cli"
)

// A fickle endpoint refuses until it is told not to, and notes under which ids events came.
type fickle struct {
	*httptest.Server
	mu      sync.Mutex
	refuses bool
	ids     map[string]map[string]bool // webhook-ids by event
	replays map[string]string          // the replay with which an event was taken
	took    chan string                // ids of events that were taken: the handler sends
}

func newFickle(t *testing.T) *fickle {
	f := &fickle{refuses: true, ids: map[string]map[string]bool{}, replays: map[string]string{}, took: make(chan string, 100)}
	f.Server = httptest.NewServer(f)
	t.Cleanup(f.Close)
	return f
}

func (f *fickle) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	id := r.Header.Get("Ce-Id")
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.ids[id] == nil {
		f.ids[id] = map[string]bool{}
	}
	f.ids[id][r.Header.Get("Webhook-Id")] = true
	for name := range r.Header {
		if strings.HasPrefix(name, "Ce-Hookspan") && name != "Ce-Hookspanproof" && name != "Ce-Hookspanoriginalid" {
			w.WriteHeader(http.StatusBadRequest) // what a dead letter adds is not the event's
			return
		}
	}
	if f.refuses {
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	f.replays[id] = r.Header.Get("Hookspan-Replay")
	f.took <- id
}

// What was given up is a dead letter until it is replayed; what is replayed is the same event under
// the same webhook-id. What was quarantined is released, mended, and delivered.
func TestWhatIsSetAsideComesBack(t *testing.T) {
	t.Parallel()
	for _, kind := range kinds {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			f := newFickle(t)
			environ := append(emptyBus(t, kind), "HOOKSPAN_SEAL_KEY="+sealKey, "HOOKSPAN_ENDPOINTS=crm", "HOOKSPAN_ENDPOINT_CRM_URL="+f.URL,
				"HOOKSPAN_ENDPOINT_CRM_SECRETS=whsec_"+strings.Repeat("QUFB", 8), "HOOKSPAN_ENDPOINT_CRM_SCHEDULE=10ms")
			r := launch(t, environ...)
			r.shows("/readyz", http.StatusOK, "")
			for _, id := range []string{"one", "two", "three"} {
				r.takes(id)
			}
			for _, id := range []string{"one", "two", "three"} {
				r.shows("/v1/dead?event="+id, http.StatusOK, `"reason":"exhausted"`)
			}
			run := commands(t, "HOOKSPAN_SERVER=http://"+r.AdminAddr(), "HOOKSPAN_ADMIN_TOKEN="+testToken)
			var letter struct{ ID string }
			if err := json.Unmarshal([]byte(run(cli.ExitDone, "one", "dead", "--event", "one", "--json")), &letter); err != nil {
				t.Fatal(err)
			}
			f.mu.Lock()
			f.refuses = false
			f.mu.Unlock()
			run(cli.ExitDone, `"specversion"`, "dead", "get", letter.ID)
			run(cli.ExitDone, "1 of 1", "dead", "replay", letter.ID)
			if id := <-f.took; id != "one" {
				t.Fatalf("%s was replayed, want one", id)
			}
			r.stop()

			r = launch(t, environ...)
			r.shows("/readyz", http.StatusOK, "")
			run = commands(t, "HOOKSPAN_SERVER=http://"+r.AdminAddr(), "HOOKSPAN_ADMIN_TOKEN="+testToken)
			run(cli.ExitDone, "2 match", "dead", "replay", "--endpoint", "crm", "--dry-run")
			run(cli.ExitDone, "2 of 2", "dead", "replay", "--endpoint", "crm")
			got := map[string]bool{<-f.took: true, <-f.took: true}
			if !got["two"] || !got["three"] {
				t.Errorf("replayed are %v, want two and three", got)
			}
			if out := run(cli.ExitDone, "", "dead", "--json"); out != "" {
				t.Errorf("still dead: %s", out)
			}
			f.mu.Lock()
			for id, seen := range f.ids {
				if len(seen) != 1 || !strings.HasPrefix(f.replays[id], "rpl_") {
					t.Errorf("%s came under %v, with replay %q", id, seen, f.replays[id])
				}
			}
			f.mu.Unlock()

			if status, body := r.call(http.MethodPost, "http://"+r.IntakeAddr()+"/webhooks/shop", `{"specversion":"1.0","id":"bad","source":"no reference ","type":"t.made"}`); status != http.StatusOK {
				t.Fatalf("answered %d %s", status, body)
			}
			r.shows("/v1/quarantine", http.StatusOK, `"source":"shop"`)
			var held struct{ ID string }
			if err := json.Unmarshal([]byte(run(cli.ExitDone, "", "quarantine", "--json")), &held); err != nil {
				t.Fatal(err)
			}
			run(cli.ExitDone, "is released", "quarantine", "release", held.ID, "--attribute", "source=/t", "--attribute", "id=mended", "--data", `{"order":17}`)
			if id := <-f.took; id != "mended" {
				t.Errorf("%s was delivered, want mended", id)
			}
			run(cli.ExitFailed, "not_found", "quarantine", "get", held.ID)
			r.sends("shop", "mended", `{"order":18}`)
			r.shows("/metrics", http.StatusOK, `hookspan_intake_altered_total{source="shop"} 1`) // intake knows the id
			if id := <-f.took; !strings.HasPrefix(id, "mended.") {
				t.Errorf("%s was delivered, want another id than that of what was released", id)
			}
		})
	}
}

// An event that cannot be read, with more attributes than a message has room for, is quarantined like
// any other.
func TestTheQuarantineTakesManyAttributes(t *testing.T) {
	t.Parallel()
	for _, kind := range kinds {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			r := launch(t, append(emptyBus(t, kind), "HOOKSPAN_SEAL_KEY="+sealKey)...)
			r.shows("/readyz", http.StatusOK, "ready")
			body := `{"specversion":"0.3","id":"many","source":"/t","type":"t.made"`
			for n := range 64 {
				body += fmt.Sprintf(`,"a%d":"%s"`, n, strings.Repeat("é", 512))
			}
			if status, answer := r.call(http.MethodPost, "http://"+r.IntakeAddr()+"/webhooks/shop", body+"}"); status != http.StatusOK {
				t.Fatalf("answered %d %s", status, answer)
			}
			r.shows("/v1/quarantine", http.StatusOK, `"id":"many"`)
		})
	}
}
