package root_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hookspan/hookspan/bridge/config"
	"github.com/hookspan/hookspan/cmd/hookspan/cli"
	"github.com/hookspan/hookspan/cmd/hookspan/server"
	"github.com/hookspan/hookspan/schemas/schematest"
	"github.com/hookspan/hookspan/sinks/jetstream/natstest"
)

const (
	testToken = "a-token-for-tests"
	needle    = "n33dle-never-to-be-seen"                      // a secret that no output may hold
	sealKey   = "QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE=" // 32 times the letter A
)

// A replica is a server that shares its bus with others, in this process.
type replica struct {
	*server.Process
	t    *testing.T
	end  context.CancelFunc
	done chan error // receives what running it came to, once
}

// launch runs a server without waiting for it to be ready.
func launch(t *testing.T, environ ...string) *replica {
	t.Helper()
	return launchReloading(t, nil, environ...)
}

// launchReloading is launch of a server that reads its configuration again at a hangup.
func launchReloading(t *testing.T, hangup <-chan struct{}, environ ...string) *replica {
	t.Helper()
	environ = append([]string{
		"HOOKSPAN_DATA_DIR=" + filepath.Join(t.TempDir(), "none"), "HOOKSPAN_LISTEN=127.0.0.1:0", "HOOKSPAN_ADMIN_LISTEN=127.0.0.1:0",
		"HOOKSPAN_ADMIN_TOKEN=" + testToken, "HOOKSPAN_EGRESS_ALLOW=127.0.0.0/8", "HOOKSPAN_STOP_GRACE=1m", // which no machine is too slow for
		"HOOKSPAN_SOURCES=shop", "HOOKSPAN_SOURCE_SHOP_PROVIDER=cloudevents", "HOOKSPAN_SOURCE_SHOP_SECRETS=" + testToken,
	}, environ...)
	load := func() (*config.Config, error) { return config.Load(environ) }
	c, err := load()
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	if testing.Verbose() {
		log = slog.New(slog.NewTextHandler(t.Output(), nil))
	}
	parts := server.Parts{Log: log}
	if hangup != nil {
		parts.Reload, parts.Hangup = load, hangup
	}
	p, err := server.Open(c, parts)
	if err != nil {
		t.Fatal(err)
	}
	ctx, end := context.WithCancel(context.Background())
	r := &replica{Process: p, t: t, end: end, done: make(chan error, 1)}
	ended := make(chan struct{}) // closed when nothing of the server runs any more
	go func() {
		defer close(ended)
		r.done <- errors.Join(p.Run(ctx), p.Close())
	}()
	t.Cleanup(func() { end(); <-ended })
	return r
}

// stop ends the replica as SIGTERM does.
func (r *replica) stop() {
	r.t.Helper()
	r.end()
	if err := <-r.done; err != nil {
		r.t.Errorf("stop: %v", err)
	}
}

// call makes a request with the token.
func (r *replica) call(method, url, body string) (int, string) {
	r.t.Helper()
	req, err := http.NewRequestWithContext(r.t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+testToken)
	req.Header.Set("Content-Type", "application/cloudevents+json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }() // only read
	text, err := io.ReadAll(res.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	if req.URL.Host == r.AdminAddr() {
		schematest.Answer(r.t, method, req.URL.RequestURI(), res.StatusCode, text)
	}
	return res.StatusCode, string(text)
}

// get asks the admin listener.
func (r *replica) get(path string) (int, string) {
	r.t.Helper()
	return r.call(http.MethodGet, "http://"+r.AdminAddr()+path, "")
}

// post sends an event to the intake.
func (r *replica) post(id string) (int, string) {
	r.t.Helper()
	return r.call(http.MethodPost, "http://"+r.IntakeAddr()+"/webhooks/shop", `{"specversion":"1.0","id":"`+id+`","source":"/t","type":"t.made"}`)
}

// takes sends an event that must be taken.
func (r *replica) takes(id string) {
	r.t.Helper()
	if status, body := r.post(id); status != http.StatusOK {
		r.t.Fatalf("event %s was answered %d %s", id, status, body)
	}
}

// shows waits until a page of the admin listener has the status and the text.
func (r *replica) shows(path string, status int, text string) {
	r.t.Helper()
	limit := time.After(2 * time.Minute)
	for pause := 10 * time.Millisecond; ; pause = min(2*pause, 200*time.Millisecond) { // pages of metrics are long
		got, body := r.get(path)
		if got == status && strings.Contains(body, text) {
			return
		}
		select {
		case <-time.After(pause):
		case err := <-r.done:
			r.t.Fatalf("the server has ended: %v", err)
		case <-limit:
			word, _, _ := strings.Cut(text, " ")
			name, _, _ := strings.Cut(word, "{") // of a metric, whose page is long
			r.t.Fatalf("%s answers %d %s, want %d with %q", path, got, about(name, body), status, text)
		}
	}
}

// about keeps the lines that hold a word, or all where none does.
func about(word, page string) string {
	var lines []string
	for line := range strings.Lines(page) {
		if strings.Contains(line, word) {
			lines = append(lines, line)
		}
	}
	if len(lines) == 0 {
		return page
	}
	return strings.Join(lines, "")
}

// onNATS are the settings of an account of its own on a NATS cluster.
func onNATS(servers *natstest.Servers) []string {
	user, password := servers.Account()
	return []string{"HOOKSPAN_BUS=" + servers.URL(), "HOOKSPAN_NATS_USER=" + user, "HOOKSPAN_NATS_PASSWORD=" + password}
}

func TestReplicasShareNATS(t *testing.T) {
	t.Parallel()
	replicasShare(t, onNATS(natstest.Start(t, 1, natstest.Config{}))...)
}

// replicasShare: what one replica takes in is delivered once, is seen from both, and is known
// to the other when it comes again.
func replicasShare(t *testing.T, bus ...string) {
	var mu sync.Mutex
	got := map[string]int{}
	arrived := make(chan struct{}, 100) // the endpoint sends, the test receives
	endpoint := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		got[r.Header.Get("Ce-Id")]++
		arrived <- struct{}{}
	}))
	t.Cleanup(endpoint.Close)
	environ := append(bus,
		"HOOKSPAN_SEAL_KEY="+sealKey, "HOOKSPAN_KAFKA_PARTITIONS=2",
		"HOOKSPAN_ENDPOINTS=crm", "HOOKSPAN_ENDPOINT_CRM_URL="+endpoint.URL, "HOOKSPAN_ENDPOINT_CRM_SIGNATURE=none",
	)
	a, b := launch(t, environ...), launch(t, environ...)
	for _, r := range []*replica{a, b} {
		r.shows("/readyz", http.StatusOK, "ready")
		r.shows("/metrics", http.StatusOK, "hookspan_shards_owned 16")
	}
	a.takes("first")
	<-arrived
	for _, r := range []*replica{a, b} {
		r.shows("/v1/deliveries?event=first", http.StatusOK, `"status":"delivered"`)
	}
	b.shows("/metrics", http.StatusOK, "hookspan_dedup_ids 1")
	b.takes("first")
	b.shows("/metrics", http.StatusOK, `hookspan_intake_requests_total{outcome="repeated",source="shop"} 1`)
	b.takes("second")
	<-arrived
	a.stop() // b takes over what a had
	b.shows("/metrics", http.StatusOK, "hookspan_shards_owned 32")
	b.takes("third")
	<-arrived
	b.shows("/v1/deliveries?event=third", http.StatusOK, `"status":"delivered"`)
	b.stop()
	mu.Lock()
	defer mu.Unlock()
	if want := "map[first:1 second:1 third:1]"; fmt.Sprint(got) != want {
		t.Errorf("the endpoint got %v, want %s", got, want)
	}
	if _, err := os.Stat(a.Config.DataDir); err == nil {
		t.Error("a replica has made a data folder")
	}
}

func TestServerWaitsForItsBus(t *testing.T) {
	t.Parallel()
	servers := natstest.Start(t, 1, natstest.Config{})
	servers.Stop(0)
	r := launch(t, onNATS(servers)...)
	r.shows("/readyz", http.StatusServiceUnavailable, "waiting for the bus")
	r.shows("/healthz", http.StatusOK, "ok")
	if status, body := r.post("early"); status != http.StatusServiceUnavailable || !strings.Contains(body, "bus_unavailable") {
		t.Errorf("intake answers %d %s", status, body)
	}
	servers.Restart(0)
	r.shows("/readyz", http.StatusOK, "ready")
	r.takes("one")

	servers.Stop(0)
	r.shows("/readyz", http.StatusServiceUnavailable, "unavailable")
	r.shows("/metrics", http.StatusOK, `hookspan_bus_state{bus="nats",state="unavailable"} 1`)
	began := time.Now()
	if status, body := r.post("two"); status != http.StatusServiceUnavailable || time.Since(began) > 15*time.Second {
		t.Errorf("intake answers %d %s after %s", status, body, time.Since(began))
	}
	servers.Restart(0)
	r.shows("/readyz", http.StatusOK, "ready")
	r.takes("two")
	r.stop()
}

func TestWhatNoRetryMendsEndsTheServer(t *testing.T) {
	t.Parallel()
	servers := natstest.Start(t, 1, natstest.Config{Auth: `authorization { token: "another token" }`})
	environ := []string{
		"HOOKSPAN_BUS=" + servers.URL(), "HOOKSPAN_NATS_TOKEN=" + needle, "HOOKSPAN_LISTEN=127.0.0.1:0", "HOOKSPAN_ADMIN_LISTEN=127.0.0.1:0",
	}
	for _, command := range []string{"serve", "doctor"} {
		out, errs, code := hookspan(t, environ, command)
		if text := out + errs; code != cli.ExitFailed || !strings.Contains(text, "HOOKSPAN_NATS_TOKEN") || strings.Contains(text, needle) {
			t.Errorf("%s: code %d:\n%s", command, code, text)
		}
	}
}

// The permissions that the README lists are enough for all that Hookspan does.
func TestRightsOfTheReadmeAreEnoughForNATS(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("../../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, text, found := strings.Cut(string(readme), "for the default names\n")
	permissions, _, closed := strings.Cut(text, "```")
	if !found || !closed {
		t.Fatal("README.md has lost the permissions of the NATS user")
	}
	servers := natstest.Start(t, 1, natstest.Config{
		Auth: `authorization { users: [ { user: "hookspan", password: "open sesame", ` + permissions + ` } ] }`,
	})
	bus := []string{"HOOKSPAN_BUS=" + servers.URL(), "HOOKSPAN_NATS_USER=hookspan", "HOOKSPAN_NATS_PASSWORD=open sesame"}
	replicasShare(t, bus...)
	out, errs, code := hookspan(t, bus, "doctor")
	if code != cli.ExitDone || strings.Contains(out, "may not") {
		t.Errorf("doctor: code %d:\n%s%s", code, out, errs)
	}
}
