package otlp

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/hookspan/hookspan/bridge/event"
	"github.com/hookspan/hookspan/bridge/tracing"
)

func TestCheckNamesTheVariableAndNotTheSecret(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	nothing := filepath.Join(dir, "empty.pem")
	if err := os.WriteFile(nothing, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	const endpoint = "OTEL_EXPORTER_OTLP_ENDPOINT=http://collector:4318"
	for _, c := range []struct {
		environ []string
		where   string // "": nothing is at fault
	}{
		{[]string{"OTEL_TRACES_SAMPLER=nonsense"}, ""}, // off
		{[]string{endpoint, "OTEL_SDK_DISABLED=True", "OTEL_TRACES_SAMPLER=nonsense"}, ""},
		{[]string{endpoint, "OTEL_TRACES_EXPORTER=none", "OTEL_TRACES_SAMPLER=nonsense"}, ""},
		{[]string{endpoint, "OTEL_TRACES_EXPORTER=zipkin"}, "OTEL_TRACES_EXPORTER"},
		{[]string{endpoint}, ""},
		{[]string{"OTEL_EXPORTER_OTLP_ENDPOINT=collector:4318"}, "OTEL_EXPORTER_OTLP_ENDPOINT"},
		{[]string{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=unix:///s3cret"}, "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"},
		{[]string{"OTEL_EXPORTER_OTLP_ENDPOINT=https://user:s3cret@collector"}, "OTEL_EXPORTER_OTLP_ENDPOINT"},
		{[]string{"OTEL_EXPORTER_OTLP_ENDPOINT=https://collector/?key=s3cret"}, "OTEL_EXPORTER_OTLP_ENDPOINT"},
		{[]string{endpoint, "OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL=http/json"}, ""},
		{[]string{endpoint, "OTEL_EXPORTER_OTLP_PROTOCOL=grpc"}, "OTEL_EXPORTER_OTLP_PROTOCOL"},
		{[]string{endpoint, "OTEL_TRACES_SAMPLER=ParentBased_TraceIDRatio", "OTEL_TRACES_SAMPLER_ARG=0.5"}, ""},
		{[]string{endpoint, "OTEL_TRACES_SAMPLER=always"}, "OTEL_TRACES_SAMPLER"},
		{[]string{endpoint, "OTEL_TRACES_SAMPLER_ARG=1%"}, "OTEL_TRACES_SAMPLER_ARG"},
		{[]string{endpoint, "OTEL_TRACES_SAMPLER_ARG=NaN"}, "OTEL_TRACES_SAMPLER_ARG"},
		{[]string{endpoint, "OTEL_EXPORTER_OTLP_TIMEOUT=10s"}, "OTEL_EXPORTER_OTLP_TIMEOUT"},
		{[]string{endpoint, "OTEL_EXPORTER_OTLP_HEADERS=authorization=Basic%20s3cret,x-tenant=a"}, ""},
		{[]string{endpoint, "OTEL_EXPORTER_OTLP_HEADERS=x-tenant=a,s3cret"}, "OTEL_EXPORTER_OTLP_HEADERS"},
		{[]string{endpoint, "OTEL_EXPORTER_OTLP_HEADERS=x=s3cret%zz"}, "OTEL_EXPORTER_OTLP_HEADERS"},
		{[]string{endpoint, "OTEL_EXPORTER_OTLP_HEADERS=a b=s3cret"}, "OTEL_EXPORTER_OTLP_HEADERS"},
		{[]string{endpoint, "OTEL_EXPORTER_OTLP_COMPRESSION=zstd"}, "OTEL_EXPORTER_OTLP_COMPRESSION"},
		{[]string{endpoint, "OTEL_EXPORTER_OTLP_CERTIFICATE=" + nothing}, "OTEL_EXPORTER_OTLP_CERTIFICATE"},
		{[]string{endpoint, "OTEL_EXPORTER_OTLP_CERTIFICATE=" + filepath.Join(dir, "none")}, "OTEL_EXPORTER_OTLP_CERTIFICATE"},
		{[]string{endpoint, "OTEL_EXPORTER_OTLP_CLIENT_KEY=" + nothing}, "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE"},
		{[]string{endpoint, "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE=" + nothing, "OTEL_EXPORTER_OTLP_CLIENT_KEY=" + nothing}, "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE"},
		{[]string{endpoint, "OTEL_RESOURCE_ATTRIBUTES=team=hooks,region=eu"}, ""},
		{[]string{endpoint, "OTEL_RESOURCE_ATTRIBUTES=team=hooks,s3cret"}, "OTEL_RESOURCE_ATTRIBUTES"},
	} {
		problems := Check(c.environ)
		switch {
		case c.where == "" && len(problems) > 0, c.where != "" && (len(problems) != 1 || problems[0].Where != c.where):
			t.Errorf("%q: %v, want %q", c.environ, problems, c.where)
		case len(problems) > 0 && strings.Contains(problems.Error(), "s3cret"):
			t.Errorf("%q: tells the secret: %v", c.environ, problems)
		}
	}
}

// A refusing collector takes nothing until it is mended.
type refusing struct {
	tracetest.NoopExporter
	err error
}

func (r *refusing) ExportSpans(context.Context, []sdk.ReadOnlySpan) error { return r.err }

func TestACollectorThatIsAwayIsToldOfOnceAMinute(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		metrics := prometheus.NewRegistry()
		to := &refusing{err: errors.New("connection refused")}
		e, err := newExporter(to, slog.New(slog.NewTextHandler(&log, nil)), metrics)
		if err != nil {
			t.Fatal(err)
		}
		export := func() {
			if err := e.ExportSpans(t.Context(), make([]sdk.ReadOnlySpan, 2)); err != nil {
				t.Errorf("the SDK is told, and would print it: %v", err)
			}
		}
		for range 13 { // a minute
			export()
			<-time.After(5 * time.Second)
		}
		to.err = nil
		export()
		export()
		var told []string
		for line := range strings.Lines(log.String()) {
			_, message, _ := strings.Cut(strings.TrimSpace(line), "msg=")
			told = append(told, message)
		}
		want := []string{
			`"traces not sent, they are dropped until the collector takes them" error="connection refused" spans=2`,
			`"traces not sent, they are dropped until the collector takes them" error="connection refused" spans=26`,
			`"traces are sent again" spans=26`,
		}
		if !slices.Equal(told, want) {
			t.Errorf("told\n%s", strings.Join(told, "\n"))
		}
		if exported, failed := counted(t, metrics, "exported"), counted(t, metrics, "failed"); exported != 4 || failed != 26 {
			t.Errorf("counted %v exported, %v failed", exported, failed)
		}
	})
}

func counted(t *testing.T, metrics *prometheus.Registry, outcome string) float64 {
	t.Helper()
	families, err := metrics.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range families[0].GetMetric() {
		if m.GetLabel()[0].GetValue() == outcome {
			return m.GetCounter().GetValue()
		}
	}
	return -1
}

// Our rule of the variables is the sampler that the SDK makes of them.
func TestTheRuleIsTheSDKs(t *testing.T) {
	for _, name := range append([]string{"", " ParentBased_TraceIDRatio "}, samplers...) {
		for _, share := range []string{"", "0", "0.3", "1"} {
			t.Setenv(sampler, name)
			t.Setenv(ratio, share)
			v := read(os.Environ())
			ours := tracing.New(sdk.NewTracerProvider(sdk.WithSampler(sdk.AlwaysSample())), v.rule(), "nats", "test")
			theirs := tracing.New(sdk.NewTracerProvider(v.options()...), tracing.Share(1), "nats", "test")
			for n := range 300 {
				e := &event.Event{ID: strconv.Itoa(n), Source: "/sources/shop", Type: "com.shop.order"}
				if flag := n % 3; flag < 2 {
					e.SetExtension("traceparent", fmt.Sprintf("00-%032x-b7ad6b7169203331-0%d", uint64(n+1)*0x9e3779b97f4a7c15, flag))
				}
				_, got := ours.ParentOf(e)
				of, _ := theirs.ParentOf(e)
				if want := theirs.Attempt(tracing.Attempt{Event: e, Number: 1, Parents: []tracing.Parent{of}}).Recorded(); got != want {
					t.Fatalf("%q of %q, %q: recorded %v, by the SDK %v", name, share, e.Extension("traceparent"), got, want)
				}
			}
		}
	}
}

func TestTheUsualShare(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		variables
		want tracing.Sampler
	}{
		{variables{}, tracing.Share(0.01).ByParent()},
		{variables{ratio: "0.25"}, tracing.Share(0.25).ByParent()},
		{variables{sampler: "parentbased_traceidratio"}, tracing.Share(1).ByParent()},
		{variables{sampler: "traceidratio", ratio: "0.25"}, tracing.Share(0.25)},
	} {
		if got := c.rule(); got != c.want {
			t.Errorf("%v: %+v", c.variables, got)
		}
	}
}

func TestWordsPointToTheOtherPort(t *testing.T) {
	t.Parallel()
	if got := words(errors.New(`malformed HTTP response "\x00\x00"`)); !strings.Contains(got, "4318") {
		t.Error(got)
	}
	if got := words(errors.New(strings.Repeat("x", 1000))); len(got) > 310 {
		t.Errorf("%d bytes", len(got))
	}
}
