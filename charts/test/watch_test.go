package test

import (
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	monitoringv1 "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"
)

// measuredBy returns the metrics of a running process: of a histogram, its three series. Of each it has
// the values of its labels.
func measuredBy(t *testing.T, admin string) map[string]map[string][]string {
	t.Helper()
	res, err := http.Get("http://" + admin + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]map[string][]string{}
	for _, m := range regexp.MustCompile(`(?m)^# TYPE (\S+) (\S+)$`).FindAllStringSubmatch(string(text), -1) {
		for _, series := range map[string][]string{"histogram": {"", "_bucket", "_sum", "_count"}}[m[2]] {
			found[m[1]+series] = map[string][]string{}
		}
		if found[m[1]] == nil {
			found[m[1]] = map[string][]string{}
		}
	}
	label := regexp.MustCompile(`([a-z_]+)="([^"]*)"`)
	for _, m := range regexp.MustCompile(`(?m)^([a-z_]+)\{(.*)\} `).FindAllStringSubmatch(string(text), -1) {
		labels := found[m[1]]
		if labels == nil {
			t.Fatalf("%s has no type", m[1])
		}
		for _, l := range label.FindAllStringSubmatch(m[2], -1) {
			labels[l[1]] = append(labels[l[1]], l[2])
		}
	}
	return found
}

// selectors returns what an expression reads.
func selectors(t *testing.T, expr string) (all []*parser.VectorSelector) {
	t.Helper()
	expr = strings.NewReplacer("$__rate_interval", "5m", "RELEASE", `namespace="n"`).Replace(expr)
	parsed, err := parser.NewParser(parser.Options{}).ParseExpr(expr)
	if err != nil {
		t.Fatalf("%s: %v", expr, err)
	}
	parser.Inspect(parsed, func(n parser.Node, _ []parser.Node) error {
		if v, ok := n.(*parser.VectorSelector); ok {
			all = append(all, v)
		}
		return nil
	})
	return all
}

// Labels that the installation gives: where it runs, and what it is configured with.
var given = []string{"__name__", "namespace", "pod", "source", "endpoint"}

// unknown are the matchers that no series of a metric can fit: their label or one of their values is
// none that the program measures by.
func unknown(v *parser.VectorSelector, labels map[string][]string) (all []string) {
	for _, m := range v.LabelMatchers {
		if slices.Contains(given, m.Name) {
			continue
		}
		for value := range strings.SplitSeq(m.Value, "|") {
			if !slices.Contains(labels[m.Name], value) {
				all = append(all, m.Name+"="+value)
			}
		}
	}
	return all
}

func TestWhatIsWatchedIsMeasured(t *testing.T) {
	found := measuredBy(t, keptBusy(t).admin)
	known := func(where, expr string) {
		read := selectors(t, expr)
		if len(read) == 0 {
			t.Errorf("%s reads no metric: %s", where, expr)
		}
		for _, v := range read {
			if found[v.Name] == nil {
				t.Errorf("%s: there is no metric %s", where, v.Name)
			} else if never := unknown(v, found[v.Name]); len(never) > 0 {
				t.Errorf("%s: no series of %s has %v", where, v.Name, never)
			}
		}
	}
	for name, d := range dashboards {
		for _, p := range d.panels {
			for _, q := range p.queries {
				known("the panel "+p.title+" of "+name, q.expr)
			}
		}
	}
	for _, r := range rules(t) {
		known("the alert "+r.Alert, r.Expr)
	}
	for name, want := range map[string]int{"kafka": 3, "kafka-split": 2} {
		triggers := 0
		for _, so := range scaledBy(t, matrix(t)[name]) {
			for _, trigger := range so.Spec.Triggers {
				triggers++
				known("the scaler of "+so.Name, trigger.Metadata["query"])
			}
		}
		if triggers != want {
			t.Errorf("%s: %d triggers", name, triggers)
		}
	}
}

// With TLS on the API, Prometheus asks for the name that the README wants in the certificate, as the pod
// of helm test does.
func TestMonitorsKnowTheNameInTheCertificate(t *testing.T) {
	for _, kind := range []string{"serviceMonitor", "podMonitor"} {
		objects, _, err := release{values: "adminTLS: {existingSecret: admin-tls}\nmetrics: {" + kind + ": {enabled: true}}"}.render(t)
		if err != nil {
			t.Fatal(err)
		}
		server, err := url.Parse(pods(t, objects)["hs-hookspan-test"].Spec.Containers[0].Env[0].Value)
		if err != nil {
			t.Fatal(err)
		}
		name := ""
		for _, o := range typed(t, objects) {
			switch o := o.(type) {
			case *monitoringv1.ServiceMonitor:
				name = *o.Spec.Endpoints[0].TLSConfig.ServerName
			case *monitoringv1.PodMonitor:
				name = *o.Spec.PodMetricsEndpoints[0].TLSConfig.ServerName
			}
		}
		if name != server.Hostname() || name == "" {
			t.Errorf("%s asks for %q, the certificate names %q", kind, name, server.Hostname())
		}
	}
}

// A volume that is as full as the store makes it is not one that runs full.
func TestASmallVolumeIsNotAlwaysFull(t *testing.T) {
	for size, want := range map[string]string{"10Gi": "< 1e9\n", "4Gi": "< 429496729\n", "1Gi": "< 107374182\n"} {
		objects, _, err := release{values: "persistence: {size: " + size + "}\nmetrics: {prometheusRule: {enabled: true}}"}.render(t)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(strings.Join(objects, ""), want) {
			t.Errorf("with %s the alert is not for %q", size, want)
		}
	}
}

// Labels that the operator gives to whatever it has scraped go before those of a series. Alerts and
// dashboards need its namespace and pod, and Hookspan's own of any other name.
func TestMonitorsKeepHookspansLabels(t *testing.T) {
	operators := []string{"container", "endpoint", "instance", "job", "namespace", "node", "pod", "service"}
	hidden := map[string]bool{}
	for _, labels := range measuredBy(t, keptBusy(t).admin) {
		for label := range labels {
			hidden[label] = hidden[label] || slices.Contains(operators, label)
		}
	}
	if !hidden["endpoint"] {
		t.Error("nothing is measured by endpoint")
	}
	for _, kind := range []string{"serviceMonitor", "podMonitor"} {
		objects, _, err := release{values: "metrics: {" + kind + ": {enabled: true}}"}.render(t)
		if err != nil {
			t.Fatal(err)
		}
		var rules []monitoringv1.RelabelConfig
		var buckets *bool // which the dashboards read
		for _, o := range typed(t, objects) {
			switch o := o.(type) {
			case *monitoringv1.ServiceMonitor:
				rules, buckets = o.Spec.Endpoints[0].RelabelConfigs, o.Spec.ScrapeClassicHistograms
			case *monitoringv1.PodMonitor:
				rules, buckets = o.Spec.PodMetricsEndpoints[0].RelabelConfigs, o.Spec.ScrapeClassicHistograms
			}
		}
		if buckets == nil || !*buckets {
			t.Errorf("%s: buckets are given up for native histograms", kind)
		}
		for _, label := range operators {
			dropped := slices.ContainsFunc(rules, func(r monitoringv1.RelabelConfig) bool { return r.Action == "labeldrop" && r.Regex == label })
			if dropped != hidden[label] {
				t.Errorf("%s: the operator's %s is dropped: %v, Hookspan has one: %v", kind, label, dropped, hidden[label])
			}
		}
	}
}

// Alerts, scalers and dashboards read the pods of one release, whatever others beside it are called.
func TestReleasesWhoseNamesBeginAlikeAreToldApart(t *testing.T) {
	const hash = "-7d9f8c6b5d-x2x4z"
	shapes := map[string]struct{ values, pods string }{
		"embedded": {"", "-0"},
		"together": {"bus: {kind: nats, url: 'nats://n:4222'}", hash},
		"split":    {"bus: {kind: nats, url: 'nats://n:4222'}\nroles: {split: true}", "-receiver" + hash + " -dispatcher" + hash + " -admin" + hash},
	}
	told := func(where, pattern, shape string) {
		is := regexp.MustCompile("^(?:" + pattern + ")$")
		for _, pod := range strings.Fields(shapes[shape].pods) {
			if !is.MatchString("hs-hookspan" + pod) {
				t.Errorf("%s: %s leaves out hs-hookspan%s", where, pattern, pod)
			}
		}
		for _, other := range shapes {
			for _, pod := range strings.Fields(other.pods) {
				if is.MatchString("hs-hookspan-eu" + pod) {
					t.Errorf("%s: %s takes hs-hookspan-eu%s in", where, pattern, pod)
				}
			}
		}
	}
	pod, found := regexp.MustCompile(`pod=~"([^"]+)"`), 0
	for shape, s := range shapes {
		told("the dashboards", strings.Replace(pod.FindStringSubmatch(all)[1], "$release", "hs-hookspan", 1), shape)
		more := "\nmetrics: {prometheusRule: {enabled: true}}"
		if shape != "embedded" {
			more += "\nautoscaling: {keda: {enabled: true, prometheus: 'http://p:9090'}}"
		}
		objects, _, err := release{values: s.values + more}.render(t)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range pod.FindAllStringSubmatch(strings.Join(objects, ""), -1) {
			found++
			told(shape, m[1], shape)
		}
	}
	if found < 40 {
		t.Errorf("only %d matchers were found", found)
	}
}

func rules(t *testing.T) []rulefmt.Rule {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "alerts.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	groups, errs := rulefmt.Parse([]byte(strings.ReplaceAll(string(text), "RELEASE", `namespace="n"`)), false, model.UTF8Validation, parser.NewParser(parser.Options{}), slog.New(slog.DiscardHandler))
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	return groups.Groups[0].Rules
}

func TestEveryAlertHasARunbook(t *testing.T) {
	books := map[string]bool{}
	for _, path := range files(t, filepath.Join(dir, "runbooks/*.md")) {
		books[strings.TrimSuffix(filepath.Base(path), ".md")] = true
	}
	for _, r := range rules(t) {
		if want := fmt.Sprintf("RUNBOOKS/%s.md", r.Alert); r.Annotations["runbook_url"] != want || !books[r.Alert] {
			t.Errorf("%s: %s, want %s, which is there: %v", r.Alert, r.Annotations["runbook_url"], want, books[r.Alert])
		}
		delete(books, r.Alert)
	}
	for name := range books {
		t.Errorf("runbooks/%s.md is of no alert", name)
	}
}

// Commands in runbooks, in the README and in the notes are ones that the program has.
func TestCommandsInTextsAreThere(t *testing.T) {
	bin := hookspan(t)
	command := regexp.MustCompile("(?:/hookspan|`hookspan) ([a-z][a-z-]*(?: [a-z][a-z-]*)?)")
	seen := 0
	for _, path := range append(files(t, filepath.Join(dir, "runbooks/*.md")), filepath.Join(dir, "README.md"), filepath.Join(dir, "templates/NOTES.txt")) {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range command.FindAllStringSubmatch(string(text), -1) {
			seen++
			if out, err := exec.Command(bin, append(strings.Fields(m[1]), "--help")...).CombinedOutput(); err != nil || strings.Contains(string(out), "Available Commands") && !strings.Contains(string(out), "hookspan "+m[1]+" [flags]") {
				t.Errorf("%s: hookspan %s: %v\n%s", path, m[1], err, out)
			}
		}
	}
	if seen == 0 {
		t.Error("no command was found")
	}
}

// The pods of a release with a long name are told apart, too: Kubernetes cuts what is in front of their
// last part to 58 characters.
func TestPodsOfALongNameAreWhole(t *testing.T) {
	objects, _, err := release{name: strings.Repeat("long-", 10) + "x", values: "bus: {kind: nats, url: 'nats://n:4222'}\nroles: {split: true}"}.render(t)
	if err != nil {
		t.Fatal(err)
	}
	for name := range serving(t, objects) {
		if n := len(name) + len("-1234567890-"); n > 58 {
			t.Errorf("%s: in front of a pod's last part are %d characters", name, n)
		}
	}
}
