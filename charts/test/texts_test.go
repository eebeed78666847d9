package test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"helm.sh/helm/v4/pkg/chart/v2/lint"
	"helm.sh/helm/v4/pkg/chart/v2/lint/support"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"
)

// What helm lint says of every case.
func TestLint(t *testing.T) {
	for name, text := range matrix(t) {
		values := map[string]any{}
		if err := yaml.Unmarshal([]byte(text), &values); err != nil {
			t.Fatal(err)
		}
		for _, m := range lint.RunAll(dir, values, "events").Messages {
			if m.Severity >= support.WarningSev {
				t.Errorf("%s: %v", name, m)
			}
		}
	}
}

// named is an object that a command names: as kind/name, or after the kind.
var named = regexp.MustCompile(`\b(statefulset|deployment|service|secret)[/ ]([a-z0-9-]+)`)

// Commands in the notes name objects that are there, and URLs Services.
func TestTheNotesNameWhatIsThere(t *testing.T) {
	for name, values := range matrix(t) {
		t.Run(name, func(t *testing.T) {
			objects, notes, err := release{values: values}.render(t)
			if err != nil {
				t.Fatal(err)
			}
			// Secrets that the values name are not the chart's.
			there := map[string]bool{"secret/hookspan-auth": true, "secret/admin-tls": true}
			for _, text := range objects {
				var meta metav1.PartialObjectMetadata
				if err := yaml.Unmarshal([]byte(text), &meta); err != nil {
					t.Fatal(err)
				}
				there[strings.ToLower(meta.Kind)+"/"+meta.Name] = true
			}
			seen := 0
			for line := range strings.Lines(notes) {
				if !strings.HasPrefix(line, "  ") {
					continue
				}
				for _, m := range named.FindAllStringSubmatch(line, -1) {
					seen++
					if !there[m[1]+"/"+m[2]] {
						t.Errorf("there is no %s %s: %s", m[1], m[2], line)
					}
				}
				for _, m := range regexp.MustCompile(`https?://([a-z0-9-]+)\.events\.svc`).FindAllStringSubmatch(line, -1) {
					if !there["service/"+m[1]] {
						t.Errorf("there is no Service %s: %s", m[1], line)
					}
				}
			}
			if seen < 4 {
				t.Errorf("only %d objects are named:\n%s", seen, notes)
			}
		})
	}
}

// The notes know by which way webhooks come in.
func TestTheNotesKnowTheWayIn(t *testing.T) {
	for values, want := range map[string]string{
		"":                              "once there is an ingress",
		"service: {type: LoadBalancer}": "get service hs-hookspan -o jsonpath='{.status.loadBalancer",
		"ingress: {enabled: true}":      "any host name",
		"ingress: {enabled: true, hosts: [a.example]}":           "  http://a.example/webhooks/NAME",
		"gateway: {enabled: true, parentRefs: [{name: public}]}": "any host name",
		"service: {port: 8000}\ntls: {existingSecret: pods}":     "  https://hs-hookspan.events.svc.cluster.local:8000/webhooks/NAME",
	} {
		_, notes, err := release{values: values}.render(t)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(notes, want) {
			t.Errorf("%q: the notes do not say %q:\n%s", values, want, notes)
		}
	}
}

// A gateway that does not speak TLS to pods that do is warned of.
func TestTheNotesSayWhichGatewayDoesNotSpeakTLS(t *testing.T) {
	const route = "gateway: {enabled: true, parentRefs: [{name: public}]"
	for values, warned := range map[string]bool{
		route + "}": false,
		route + "}\ntls: {existingSecret: inside-tls}":                                                                                    true,
		route + ", backendCA: inside-ca}\ntls: {existingSecret: inside-tls}":                                                              false,
		route + "}\ntls: {existingSecret: inside-tls}\nextraDeploy: [{apiVersion: gateway.networking.k8s.io/v1, kind: BackendTLSPolicy}]": false,
	} {
		_, notes, err := release{values: values}.render(t)
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Contains(notes, "in gateway.backendCA"); got != warned {
			t.Errorf("%q: warned: %v", values, got)
		}
	}
}

// A single pod has no budget, which the notes say; whoever has one is told nothing.
func TestTheNotesSayWhereNoBudgetIs(t *testing.T) {
	const bus = "bus: {kind: nats, url: 'nats://n:4222'}\n"
	for values, want := range map[string]bool{
		"": false, "bus: {kind: embedded-cluster}": true, bus: true, bus + "replicas: 1": false,
		bus + "replicas: 1\nautoscaling: {hpa: {enabled: true}}": true,
	} {
		objects, notes, err := release{values: values}.render(t)
		if err != nil {
			t.Fatal(err)
		}
		budget := slices.ContainsFunc(objects, func(text string) bool { return strings.Contains(text, "kind: PodDisruptionBudget") })
		if told := strings.Contains(notes, "no PodDisruptionBudget"); budget != want || told == want {
			t.Errorf("%q: there is a budget: %v, the notes say that there is none: %v", values, budget, told)
		}
	}
}

// Whoever has metrics scraped and does not let Prometheus in is told so, with values that do.
func TestTheNotesSayWhoCannotScrape(t *testing.T) {
	for values, warned := range map[string]bool{
		"": false,
		"metrics: {serviceMonitor: {enabled: true}}":                                  true,
		"metrics: {podMonitor: {enabled: true}}":                                      true,
		"metrics: {serviceMonitor: {enabled: true}}\nnetworkPolicy: {enabled: false}": false,
	} {
		_, notes, err := release{values: values}.render(t)
		if err != nil {
			t.Fatal(err)
		}
		advice := regexp.MustCompile(`(?m)^  (networkPolicy: .*)$`).FindStringSubmatch(notes)
		if (advice != nil) != warned {
			t.Errorf("%q: warned: %v", values, advice)
		}
		if advice == nil {
			continue
		}
		objects, notes, err := release{values: values + "\n" + advice[1]}.render(t)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(notes, "WARNING") || !strings.Contains(strings.Join(objects, ""), "kubernetes.io/metadata.name: monitoring") {
			t.Errorf("%q: the advice does not help: %s", values, notes)
		}
	}
}

// Commands of the README name workloads, pods, claims and Secrets of a release.
func TestTheReadmeNamesWhatIsThere(t *testing.T) {
	objects, _, err := release{values: "bus: {kind: embedded-cluster}"}.render(t)
	if err != nil {
		t.Fatal(err)
	}
	there := map[string]bool{}
	for _, o := range typed(t, objects) {
		switch o := o.(type) {
		case *corev1.Secret:
			there[o.Name] = true
		case *appsv1.StatefulSet:
			there[o.Name] = true
			for n := range *o.Spec.Replicas {
				pod := fmt.Sprintf("%s-%d", o.Name, n)
				there[pod] = true
				for _, claim := range o.Spec.VolumeClaimTemplates {
					there[claim.Name+"-"+pod] = true
				}
			}
		}
	}
	text, err := os.ReadFile(filepath.Join(dir, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	name, seen := regexp.MustCompile(`\b([a-z]+-)?NAME(-[a-z0-9]+)?\b`), map[string]bool{}
	for line := range strings.Lines(string(text)) {
		if !strings.HasPrefix(strings.TrimSpace(line), "$ ") {
			continue
		}
		if strings.Contains(line, "helm get values") && !strings.Contains(line, "-o yaml") {
			t.Errorf("what this prints is no file of values: %s", line)
		}
		for _, found := range name.FindAllString(line, -1) {
			seen[found] = true
			if !there[strings.ReplaceAll(found, "NAME", "hs-hookspan")] {
				t.Errorf("there is no %s: %s", found, line)
			}
		}
	}
	if len(seen) < 5 {
		t.Errorf("only %v are named", seen)
	}
}
