package root_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
)

const traceID = "0af7651916cd43dd8448eb211c80319c"

// send posts an event of a trace and returns once it is delivered.
func (r *replica) send(id, traceparent string) {
	r.t.Helper()
	body := `{"specversion":"1.0","id":"` + id + `","source":"/t","type":"t.made","traceparent":"` + traceparent + `"}`
	req, err := http.NewRequestWithContext(r.t.Context(), http.MethodPost, "http://"+r.IntakeAddr()+"/webhooks/shop", strings.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+testToken)
	req.Header.Set("Content-Type", "application/cloudevents+json")
	req.Header.Set("Traceparent", traceparent)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	if _ = res.Body.Close(); res.StatusCode != http.StatusOK { // the status says it all
		r.t.Fatalf("event %s was answered %d", id, res.StatusCode)
	}
	r.shows("/v1/deliveries?event="+id, http.StatusOK, `"status":"delivered"`)
}

// scrape asks for metrics as Prometheus does, which says what it can read.
func (r *replica) scrape(accept string) (kind, page string) {
	r.t.Helper()
	req, err := http.NewRequestWithContext(r.t.Context(), http.MethodGet, "http://"+r.AdminAddr()+"/metrics", nil)
	if err != nil {
		r.t.Fatal(err)
	}
	req.Header.Set("Accept", accept)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }() // only read
	text, err := io.ReadAll(res.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return res.Header.Get("Content-Type"), string(text)
}

func TestMetricsOfARunningProcess(t *testing.T) {
	t.Parallel()
	endpoint := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	t.Cleanup(endpoint.Close)
	r := launch(t, "HOOKSPAN_ENDPOINTS=crm", "HOOKSPAN_ENDPOINT_CRM_URL="+endpoint.URL, "HOOKSPAN_ENDPOINT_CRM_SIGNATURE=none")
	r.shows("/readyz", http.StatusOK, "ready")
	r.send("first", "00-"+traceID+"-b7ad6b7169203331-01")

	_, page := r.scrape("text/plain")
	problems, err := promlint.New(strings.NewReader(page)).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
	for _, want := range []string{
		`hookspan_attempts_total{endpoint="crm",outcome="success"} 1`, `hookspan_endpoint_attempt_seconds_count{endpoint="crm"} 1`,
		`hookspan_endpoint_pending{endpoint="crm"} 0`, `hookspan_attempt_seconds_bucket{le="0.0001"}`, `hookspan_attempt_seconds_bucket{le="60"} 1`,
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %s", want)
		}
	}
	labelsAreClosed(t, page)

	kind, page := r.scrape("application/openmetrics-text; version=1.0.0")
	if !strings.HasPrefix(kind, "application/openmetrics-text") || !strings.HasSuffix(page, "# EOF\n") {
		t.Errorf("OpenMetrics is answered with %s", kind)
	}
	for _, name := range []string{"hookspan_intake_seconds", "hookspan_publish_seconds", "hookspan_attempt_seconds"} {
		if !regexp.MustCompile(name + `_bucket\{le="[^"]+"\} 1 # \{trace_id="` + traceID + `"\}`).MatchString(page) {
			t.Errorf("%s has no exemplar:\n%s", name, about(name, page))
		}
	}
	if kind, _ := r.scrape("application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited"); !strings.HasPrefix(kind, "application/vnd.google.protobuf") {
		t.Errorf("protobuf, which native histograms need, is answered with %s", kind)
	}
}

// labelsAreClosed finds labels of our own metrics that may have any number of values.
func labelsAreClosed(t *testing.T, page string) {
	t.Helper()
	closed := []string{"source", "endpoint", "outcome", "reason", "bus", "state", "version", "go", "le", "command", "act", "type", "key"} // type is that of operations events, key newest, older or missing
	label := regexp.MustCompile(`([a-z_]+)="`)
	for line := range strings.Lines(page) {
		name, labels, _ := strings.Cut(line, "{")
		if !strings.HasPrefix(name, "hookspan_") {
			continue
		}
		for _, m := range label.FindAllStringSubmatch(labels, -1) {
			if !slices.Contains(closed, m[1]) {
				t.Errorf("%s has the label %s: is the number of its values bounded?", name, m[1])
			}
		}
	}
}
