package server

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	coltracepb "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/hookspan/hookspan/bridge/provider"
	"github.com/hookspan/hookspan/cmd/hookspan/cli"
	"github.com/hookspan/hookspan/sinks/porttest"
)

// A collector takes traces by OTLP over HTTP.
type collector struct {
	*httptest.Server
	mu       sync.Mutex
	spans    []*tracepb.Span
	services []string
	logins   []string
	more     chan struct{} // closed at the next request
}

func newCollector(t *testing.T) *collector {
	t.Helper()
	c := &collector{more: make(chan struct{})}
	c.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		var sent coltracepb.ExportTraceServiceRequest
		body, err := io.ReadAll(q.Body)
		if err == nil {
			err = proto.Unmarshal(body, &sent)
		}
		if err != nil || q.URL.Path != "/v1/traces" || q.Header.Get("Content-Type") != "application/x-protobuf" {
			t.Errorf("%s %s: %v", q.URL, q.Header.Get("Content-Type"), err)
		}
		c.take(&sent, q.Header.Get("X-Api-Key"))
	}))
	t.Cleanup(c.Close)
	return c
}

func (c *collector) take(sent *coltracepb.ExportTraceServiceRequest, login string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.logins = append(c.logins, login)
	for _, from := range sent.ResourceSpans {
		for _, a := range from.Resource.Attributes {
			if a.Key == "service.name" {
				c.services = append(c.services, a.Value.GetStringValue())
			}
		}
		for _, scope := range from.ScopeSpans {
			c.spans = append(c.spans, scope.Spans...)
		}
	}
	close(c.more)
	c.more = make(chan struct{})
}

// paths are the spans that have come, each with the names of those above it.
func (c *collector) paths() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	byID := map[string]*tracepb.Span{}
	for _, s := range c.spans {
		byID[string(s.SpanId)] = s
	}
	var all []string
	for _, s := range c.spans {
		path := s.Name
		for up := byID[string(s.ParentSpanId)]; up != nil; up = byID[string(up.ParentSpanId)] {
			path = up.Name + " > " + path
		}
		all = append(all, path)
	}
	slices.Sort(all)
	return all
}

// await returns once n spans have come.
func (c *collector) await(t *testing.T, n int) {
	t.Helper()
	late := time.After(time.Minute)
	for {
		c.mu.Lock()
		got, more := len(c.spans), c.more
		c.mu.Unlock()
		if got >= n {
			return
		}
		select {
		case <-more:
		case <-late:
			t.Fatalf("%d spans came, want %d: %v", got, n, c.paths())
		}
	}
}

// A bridge is a server with a source and an endpoint that takes an event at the second try.
type bridge struct {
	t         *testing.T
	intake    string
	delivered chan string // the traceparent of each request to the endpoint
	log       *bytes.Buffer
	stop      func()
}

const (
	orders   = "a-secret-of-the-tests"
	recorded = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
)

func startBridge(t *testing.T) *bridge {
	t.Helper()
	b := &bridge{t: t, delivered: make(chan string, 8), log: &bytes.Buffer{}}
	crm := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		b.delivered <- q.Header.Get("Traceparent")
		if q.Header.Get("Hookspan-Attempt") == "1" {
			w.WriteHeader(http.StatusInternalServerError)
		}
	}))
	t.Cleanup(crm.Close)
	c, err := Configured(t.Context(), []string{
		"HOOKSPAN_DATA_DIR=" + t.TempDir(), "HOOKSPAN_LISTEN=127.0.0.1:0", "HOOKSPAN_ADMIN_LISTEN=127.0.0.1:0", "HOOKSPAN_EMBEDDED_MAX_STORE=64MB",
		"HOOKSPAN_EGRESS_ALLOW=127.0.0.0/8", "HOOKSPAN_SOURCES=shop", "HOOKSPAN_SOURCE_SHOP_PROVIDER=sticker", "HOOKSPAN_SOURCE_SHOP_SECRETS=" + orders,
		"HOOKSPAN_ENDPOINTS=crm", "HOOKSPAN_ENDPOINT_CRM_URL=" + crm.URL + "/hooks/s3cret?key=s3cret", "HOOKSPAN_ENDPOINT_CRM_SCHEDULE=10ms",
	})
	if err != nil {
		t.Fatal(err)
	}
	p, err := Open(c, Parts{Log: slog.New(slog.NewTextHandler(b.log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	running, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- p.run(running) }()
	b.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(b.stop)
	if err := p.awaitReady(running); err != nil {
		t.Fatal(err)
	}
	b.intake = "http://" + cli.Reachable(p.IntakeAddr()) + "/webhooks/shop"
	return b
}

// send posts a webhook whose sender's trace is recorded, and waits until the endpoint has taken it.
func (b *bridge) send() (told []string) {
	b.t.Helper()
	catalog, err := provider.Load("")
	if err != nil {
		b.t.Fatal(err)
	}
	sticker, _ := catalog.Provider("sticker")
	sample, err := sticker.Sample(provider.SampleRequest{Secret: orders, URL: b.intake, Now: time.Now()})
	if err != nil {
		b.t.Fatal(err)
	}
	q, err := http.NewRequestWithContext(b.t.Context(), http.MethodPost, b.intake, bytes.NewReader(sample.Body))
	if err != nil {
		b.t.Fatal(err)
	}
	q.Header = sample.Header.Clone()
	q.Header.Set("Traceparent", recorded)
	answer, err := http.DefaultClient.Do(q)
	if err != nil {
		b.t.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		b.t.Fatalf("answered %s", answer.Status)
	}
	for range 2 {
		select {
		case parent := <-b.delivered:
			told = append(told, parent)
		case <-time.After(time.Minute):
			b.t.Fatal("nothing reached the endpoint")
		}
	}
	return told
}

const whole = 8 // spans of a webhook that is taken at the second attempt

func TestOneTraceFromWebhookToAttempt(t *testing.T) {
	c := newCollector(t)
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", c.URL)
	t.Setenv("OTEL_EXPORTER_OTLP_HEADERS", "x-api-key=s3cret%2C1")
	t.Setenv("OTEL_BSP_SCHEDULE_DELAY", "10")
	told := startBridge(t).send()
	c.await(t, whole)
	got := c.paths()
	in := "POST /webhooks/{source}"
	publish := slices.IndexFunc(got, func(s string) bool { return strings.HasPrefix(s, in+" > publish hookspan.events.shop.") })
	if publish < 0 {
		t.Fatalf("spans %q", got)
	}
	topic := strings.TrimPrefix(got[publish], in+" > publish ")
	out := got[publish] + " > follow " + topic
	want := []string{in, in + " > verify", got[publish], got[publish] + " > durable", out, out + " > match", out + " > POST", out + " > POST"}
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("spans\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range c.spans {
		if text := s.String(); strings.Contains(text, "s3cret") || strings.Contains(text, orders) {
			t.Errorf("a secret: %s", text)
		}
		if id := string(s.TraceId); id != "\x0a\xf7\x65\x19\x16\xcd\x43\xdd\x84\x48\xeb\x21\x1c\x80\x31\x9c" {
			t.Errorf("%s is of trace %x", s.Name, id)
		}
	}
	if told[0] == told[1] || told[0] == recorded || !strings.HasPrefix(told[0], recorded[:36]) || !strings.HasPrefix(told[1], recorded[:36]) {
		t.Errorf("the endpoint was told %q", told)
	}
	if c.services[0] != "hookspan" || c.logins[0] != "s3cret,1" {
		t.Errorf("service %q, header %q", c.services[0], c.logins[0])
	}
}

func TestAStopSendsTheLastSpans(t *testing.T) {
	c := newCollector(t)
	t.Setenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", c.URL+"/v1/traces")
	t.Setenv("OTEL_SERVICE_NAME", "hooks")
	t.Setenv("OTEL_BSP_SCHEDULE_DELAY", "3600000")
	b := startBridge(t)
	b.send()
	if got := c.paths(); len(got) > 0 {
		t.Fatalf("spans came early: %q", got)
	}
	b.stop()
	if got := c.paths(); len(got) != whole || c.services[0] != "hooks" {
		t.Errorf("spans %q of %q", got, c.services)
	}
}

func TestWithoutACollectorNothingIsTraced(t *testing.T) {
	c := newCollector(t)
	for name, variables := range map[string]map[string]string{
		"no endpoint":    {"OTEL_TRACES_SAMPLER": "always_on"},
		"disabled":       {"OTEL_EXPORTER_OTLP_ENDPOINT": c.URL, "OTEL_SDK_DISABLED": "true"},
		"other exporter": {"OTEL_EXPORTER_OTLP_ENDPOINT": c.URL, "OTEL_TRACES_EXPORTER": "none"},
	} {
		t.Run(name, func(t *testing.T) {
			for variable, value := range variables {
				t.Setenv(variable, value)
			}
			b := startBridge(t)
			for _, parent := range b.send() {
				if parent != recorded {
					t.Errorf("the endpoint was told %q", parent)
				}
			}
			b.stop()
			if got := c.paths(); len(got) > 0 {
				t.Errorf("spans %q", got)
			}
		})
	}
}

// Webhooks go their way as if the collector were there, and the log says once that it is not.
func TestACollectorThatIsAwayCostsNothing(t *testing.T) {
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://"+porttest.Addresses(t, 1)[0])
	t.Setenv("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20s3cret")
	t.Setenv("OTEL_BSP_SCHEDULE_DELAY", "1")
	t.Setenv("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "1")
	b := startBridge(t)
	b.send()
	b.stop()
	log := b.log.String()
	if n := strings.Count(log, "traces not sent"); n != 1 || strings.Contains(log, "s3cret") {
		t.Errorf("told %d times:\n%s", n, log)
	}
}
