package root_test

import (
	"bufio"
	"crypto/tls"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/hookspan/hookspan/cmd/hookspan/cli"
	"github.com/hookspan/hookspan/sinks/certtest"
	"github.com/hookspan/hookspan/sinks/mail/mailtest"
)

// A moody endpoint fails while it is told to.
type moody struct {
	*httptest.Server
	bad atomic.Bool
}

func newMoody(t *testing.T) *moody {
	m := &moody{}
	m.bad.Store(true)
	m.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if m.bad.Load() {
			w.WriteHeader(http.StatusInternalServerError)
		}
	}))
	t.Cleanup(m.Close)
	return m
}

// alerting are the settings of a server that mails what becomes of an endpoint which gets two attempts.
func (m *moody) alerting(server *mailtest.Server) []string {
	return []string{
		"HOOKSPAN_SMTP_URL=" + server.URL(), "HOOKSPAN_ALERT_FROM=hooks@shop.example", "HOOKSPAN_ALERT_TO=ops@shop.example", "HOOKSPAN_ORIGIN=hooks.shop.example",
		"HOOKSPAN_ENDPOINTS=crm", "HOOKSPAN_ENDPOINT_CRM_URL=" + m.URL, "HOOKSPAN_ENDPOINT_CRM_SIGNATURE=none", "HOOKSPAN_ENDPOINT_CRM_SCHEDULE=1ms",
		"HOOKSPAN_ENDPOINT_CRM_ALERT_TO=oncall@crm.example",
	}
}

// What an endpoint suffers is mailed, and that it is well again; a mail server that is away, and a
// restart meanwhile, lose nothing.
func TestAlertsOfARunningServer(t *testing.T) {
	t.Parallel()
	server, endpoint, dir := mailtest.New(t, mailtest.Options{}), newMoody(t), t.TempDir()
	start := func() *replica {
		r := launch(t, append(endpoint.alerting(server), "HOOKSPAN_DATA_DIR="+dir, "HOOKSPAN_EMBEDDED_MAX_STORE=64MB")...)
		r.shows("/readyz", http.StatusOK, "")
		return r
	}
	r := start()
	r.takes("one")
	r.shows("/metrics", http.StatusOK, `hookspan_operations_events_total{outcome="published",type="hookspan.delivery.exhausted"} 1`)
	to := map[string]int{}
	for _, m := range server.Await(2) {
		to[m.To]++
		if m.From != "hooks@shop.example" || m.Subject != "[hooks.shop.example] endpoint crm: 1 delivery was given up" ||
			!strings.Contains(m.Text, `event "one" of type "t.made"`) || !strings.Contains(m.Text, "hookspan deliveries --endpoint crm --status failed") {
			t.Errorf("mailed %+v", m)
		}
	}
	if to["ops@shop.example"] != 1 || to["oncall@crm.example"] != 1 {
		t.Errorf("mails went to %v", to)
	}
	r.shows("/metrics", http.StatusOK, `hookspan_alert_mails_total{outcome="sent"} 2`)
	r.shows("/metrics", http.StatusOK, `hookspan_alerts_waiting 0`)

	server.Down()
	endpoint.bad.Store(false)
	r.takes("two")
	r.shows("/metrics", http.StatusOK, `hookspan_operations_events_total{outcome="published",type="hookspan.endpoint.recovered"} 1`)
	r.shows("/metrics", http.StatusOK, `hookspan_alerts_waiting 1`)
	r.stop()
	server.Up()
	r = start()
	for _, m := range server.Await(4)[2:] {
		if m.Subject != "[hooks.shop.example] endpoint crm is well again" || !strings.Contains(m.Text, "1 delivery was given up") {
			t.Errorf("mailed %+v", m)
		}
	}
	r.shows("/metrics", http.StatusOK, `hookspan_alerts_waiting 0`)
	r.stop()
	if n := len(server.Mails()); n != 4 {
		t.Errorf("%d mails, want 4", n)
	}
}

// doctor says whether the mail server would take a mail.
func TestTheDoctorAsksTheMailServer(t *testing.T) {
	t.Parallel()
	server, dir := mailtest.New(t, mailtest.Options{}), t.TempDir()
	environ := []string{"HOOKSPAN_DATA_DIR=" + dir, "HOOKSPAN_EMBEDDED_MAX_STORE=64MB", "HOOKSPAN_SMTP_URL=" + server.URL(), "HOOKSPAN_ALERT_FROM=hooks@shop.example", "HOOKSPAN_ALERT_TO=ops@shop.example"}
	if out, errs, code := hookspan(t, environ, "doctor"); code != cli.ExitDone || !strings.Contains(out, "ok       mail server: answers") {
		t.Errorf("code %d:\n%s%s", code, out, errs)
	}
	server.Down()
	if out, errs, code := hookspan(t, environ, "doctor"); code != cli.ExitFailed || !strings.Contains(out, "fault    mail server: reach the mail server at "+server.Addr) {
		t.Errorf("code %d:\n%s%s", code, out, errs)
	}
	if n := len(server.Mails()); n != 0 {
		t.Errorf("%d mails", n)
	}
}

// A program of its own trusts the authorities that SSL_CERT_FILE names, logs in with what a file holds,
// and tells nobody of it.
func TestAlertsByTLSAndLogin(t *testing.T) {
	t.Parallel()
	dir, authority := t.TempDir(), certtest.New(t)
	server := mailtest.New(t, mailtest.Options{TLS: &tls.Config{Certificates: []tls.Certificate{authority.Issue(t, "127.0.0.1")}}, User: "me", Password: needle})
	endpoint := newMoody(t)
	for name, text := range map[string]string{"ca.pem": string(authority.PEM()), "password": needle + "\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), program)
	cmd.Env = append(endpoint.alerting(server), programVariable+"=1", "PATH="+os.Getenv("PATH"), "SSL_CERT_FILE="+filepath.Join(dir, "ca.pem"),
		"HOOKSPAN_SMTP_URL="+strings.Replace(server.URL(), "://", "://me@", 1), "HOOKSPAN_SMTP_PASSWORD_FILE="+filepath.Join(dir, "password"),
		"HOOKSPAN_DATA_DIR="+filepath.Join(dir, "data"), "HOOKSPAN_LISTEN=127.0.0.1:0", "HOOKSPAN_ADMIN_LISTEN=127.0.0.1:0", "HOOKSPAN_ADMIN_TOKEN="+testToken,
		"HOOKSPAN_EGRESS_ALLOW=127.0.0.0/8", "HOOKSPAN_LOG_FORMAT=json", "HOOKSPAN_LOG_LEVEL=debug", "HOOKSPAN_EMBEDDED_MAX_STORE=64MB",
		"HOOKSPAN_SOURCES=shop", "HOOKSPAN_SOURCE_SHOP_PROVIDER=cloudevents", "HOOKSPAN_SOURCE_SHOP_SECRETS="+testToken)
	output, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer output.Close()
	cmd.Stdout, cmd.Stderr = write, write
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	_ = write.Close() // the program has it
	intake, log := make(chan string, 1), make(chan string, 1)
	go func() { // each is sent once
		var text strings.Builder
		lines := bufio.NewScanner(output)
		for lines.Scan() {
			var line struct{ Msg, Intake string }
			if _ = json.Unmarshal(lines.Bytes(), &line); line.Msg == "ready" { // what is no JSON is not the line
				intake <- line.Intake
			}
			text.WriteString(lines.Text() + "\n")
		}
		close(intake)
		log <- text.String()
	}()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+<-intake+"/webhooks/shop", strings.NewReader(`{"specversion":"1.0","id":"one","source":"/t","type":"t.made"}`))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+testToken)
	req.Header.Set("Content-Type", "application/cloudevents+json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatalf("%v; the log is\n%s", err, <-log)
	}
	if _ = res.Body.Close(); res.StatusCode != http.StatusOK { // the status says it all
		t.Fatalf("the event was answered %d", res.StatusCode)
	}
	for _, m := range server.Await(2) {
		if m.User != "me" || !m.Encrypted {
			t.Errorf("mailed %+v", m)
		}
	}
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	text := <-log
	if err := cmd.Wait(); err != nil {
		t.Errorf("ended with %v", err)
	}
	if strings.Contains(text, needle) || !strings.Contains(text, "alert mailed") {
		t.Errorf("the log is\n%s", text)
	}
}
