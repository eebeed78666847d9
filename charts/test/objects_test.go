package test

import (
	"fmt"
	"maps"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	monitoringv1 "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/client-go/kubernetes/scheme"
	psa "k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"
	"sigs.k8s.io/yaml"
)

// decoder knows Kubernetes' own types, Gateway API and the Prometheus operator, and refuses
// unknown fields and wrong types.
func decoder(t *testing.T) runtime.Decoder {
	t.Helper()
	d, err := decodes()
	if err != nil {
		t.Fatal(err)
	}
	return d
}

var decodes = sync.OnceValues(func() (runtime.Decoder, error) {
	s := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{scheme.AddToScheme, gatewayv1.Install, monitoringv1.AddToScheme} {
		if err := add(s); err != nil {
			return nil, err
		}
	}
	return serializer.NewCodecFactory(s, serializer.EnableStrict).UniversalDeserializer(), nil
})

// A ScaledObject of KEDA as far as the chart writes it; its own types pull in thousands of packages,
// so it is held against its schema (crd_test.go).
type scaledObject struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata"`
	Spec              struct {
		ScaleTargetRef  struct{ Name string }
		MinReplicaCount int
		MaxReplicaCount int
		Advanced        map[string]any
		Triggers        []struct {
			Type, MetricType string
			Metadata         map[string]string
		}
	}
}

func TestEveryObjectIsOneThatKubernetesKnows(t *testing.T) {
	decode := decoder(t)
	for name, values := range matrix(t) {
		t.Run(name, func(t *testing.T) {
			objects, _, err := release{values: values}.render(t)
			if err != nil {
				t.Fatal(err)
			}
			seen := map[string]bool{}
			for _, text := range objects {
				var meta metav1.PartialObjectMetadata
				if err := yaml.Unmarshal([]byte(text), &meta); err != nil {
					t.Fatalf("%v in\n%s", err, text)
				}
				id := meta.Kind + "/" + meta.Name
				if seen[id] {
					t.Errorf("%s twice", id)
				}
				seen[id] = true
				if strings.HasPrefix(meta.APIVersion, "keda.sh/") {
					continue
				}
				if _, _, err := decode.Decode([]byte(text), nil, nil); err != nil {
					t.Errorf("%s: %v in\n%s", id, err, text)
				}
			}
		})
	}
}

// typed are the objects of a release, but for those that the decoder refuses, which is judged
// elsewhere.
func typed(t *testing.T, objects []string) (all []runtime.Object) {
	t.Helper()
	decode := decoder(t)
	for _, text := range objects {
		if o, _, err := decode.Decode([]byte(text), nil, nil); err == nil {
			all = append(all, o)
		}
	}
	return all
}

// everyObject calls do with each object of each case, over whose values more are laid.
func everyObject(t *testing.T, more string, do func(name string, meta metav1.PartialObjectMetadata, text string)) {
	t.Helper()
	for name, values := range matrix(t) {
		objects, _, err := release{values: merged(t, values, more)}.render(t)
		if err != nil {
			t.Fatal(err)
		}
		for _, text := range objects {
			var meta metav1.PartialObjectMetadata
			if err := yaml.Unmarshal([]byte(text), &meta); err != nil {
				t.Fatal(err)
			}
			do(name, meta, text)
		}
	}
}

// pods returns the pod templates of a release by the name of their workload, and pods by theirs.
func pods(t *testing.T, objects []string) map[string]corev1.PodTemplateSpec {
	t.Helper()
	found := map[string]corev1.PodTemplateSpec{}
	for _, o := range typed(t, objects) {
		switch w := o.(type) {
		case *appsv1.Deployment:
			found[w.Name] = w.Spec.Template
		case *appsv1.StatefulSet:
			found[w.Name] = w.Spec.Template
		case *corev1.Pod:
			found[w.Name] = corev1.PodTemplateSpec{ObjectMeta: w.ObjectMeta, Spec: w.Spec}
		}
	}
	if len(found) == 0 {
		t.Fatal("no workload")
	}
	return found
}

// serving are the pods that serve: all but that of helm test.
func serving(t *testing.T, objects []string) map[string]corev1.PodTemplateSpec {
	t.Helper()
	all := pods(t, objects)
	maps.DeleteFunc(all, func(_ string, pod corev1.PodTemplateSpec) bool { return pod.Annotations["helm.sh/hook"] != "" })
	return all
}

func TestPodsFitTheRestrictedPodSecurity(t *testing.T) {
	judge, err := policy.NewEvaluator(policy.DefaultChecks(), nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, values := range matrix(t) {
		t.Run(name, func(t *testing.T) {
			objects, _, err := release{values: values}.render(t)
			if err != nil {
				t.Fatal(err)
			}
			for workload, pod := range pods(t, objects) {
				level := psa.LevelVersion{Level: psa.LevelRestricted, Version: psa.LatestVersion()}
				got := policy.AggregateCheckResults(judge.EvaluatePod(level, &pod.ObjectMeta, &pod.Spec))
				if !got.Allowed {
					t.Errorf("%s: %s", workload, got.ForbiddenDetail())
				}
				if own := pod.Spec.Containers[0]; !*own.SecurityContext.ReadOnlyRootFilesystem || *pod.Spec.AutomountServiceAccountToken {
					t.Errorf("%s: the root can be written, or the token is mounted", workload)
				}
			}
		})
	}
}

func TestAPodLivesWhateverTheBusDoes(t *testing.T) {
	objects, _, err := release{values: matrix(t)["nats"]}.render(t)
	if err != nil {
		t.Fatal(err)
	}
	for _, pod := range serving(t, objects) {
		c := pod.Spec.Containers[0]
		if got := c.LivenessProbe.HTTPGet.Path + c.StartupProbe.HTTPGet.Path + c.ReadinessProbe.HTTPGet.Path; got != "/healthz/healthz/readyz" {
			t.Errorf("liveness, startup, readiness: %s", got)
		}
	}
}

// Pods that wait for a restore serve nobody, so nobody asks them whether they do, and the notes tell of
// nothing else.
func TestPodsWaitForARestore(t *testing.T) {
	for kind, pods := range map[string]int{"embedded": 1, "embedded-cluster": 3} {
		objects, notes, err := release{values: "restoring: true\nbus: {kind: " + kind + "}"}.render(t)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Count(notes, "\n  ") != 3 || !strings.Contains(notes, "/hookspan restore - <") || !strings.Contains(notes, "--set restoring=false") {
			t.Errorf("%s: the notes say %s", kind, notes)
		}
		c := serving(t, objects)["hs-hookspan"].Spec.Containers[0]
		if got := strings.Join(c.Args, " "); got != "restore --join" || c.LivenessProbe != nil || c.StartupProbe != nil || c.ReadinessProbe != nil {
			t.Errorf("%s: the pod runs %q with the probes %v %v %v", kind, got, c.LivenessProbe, c.StartupProbe, c.ReadinessProbe)
		}
		mounted := func(m corev1.VolumeMount) bool {
			return slices.ContainsFunc(c.Env, func(v corev1.EnvVar) bool { return v.Name == "TMPDIR" && v.Value == m.MountPath })
		}
		if !slices.ContainsFunc(c.VolumeMounts, mounted) {
			t.Errorf("%s: what restore reads from its input has no place: %v, %v", kind, c.Env, c.VolumeMounts)
		}
		if !strings.Contains(strings.Join(objects, ""), fmt.Sprintf("replicas: %d\n", pods)) {
			t.Errorf("%s has not %d pods", kind, pods)
		}
	}
}

// A sleep of no time is one that older clusters refuse.
func TestNothingSleepsForNoTime(t *testing.T) {
	for values, sleeps := range map[string]bool{"": true, "preStopSeconds: 0": false} {
		objects, _, err := release{values: values}.render(t)
		if err != nil {
			t.Fatal(err)
		}
		for _, pod := range serving(t, objects) {
			if got := pod.Spec.Containers[0].Lifecycle != nil; got != sleeps {
				t.Errorf("%q: sleeps %v", values, got)
			}
		}
	}
}

// A stop has the preStop, the program's own grace, and some seconds more; by itself the grace is 20 s
// more than the longest attempt.
func TestThePodIsGivenTheTimeToStop(t *testing.T) {
	for grace, want := range map[string]int64{"": 60, "config: {stop_grace: 1m}": 70, "config: {stop_grace: 1m30s}": 100, "config: {stop_grace: 500ms}": 11, "preStopSeconds: 10": 65,
		"endpoints: {crm: {url: 'https://crm.example', timeout: 1m30s}, erp: {url: 'https://erp.example', timeout: 45s}}": 120,
		"endpoints: {crm: {url: 'https://crm.example', timeout: 5s}}":                                                     60,
		"endpoints: {crm: {url: 'https://crm.example', timeout: 2m}}\nconfig: {stop_grace: 20s}":                          30,
	} {
		objects, _, err := release{values: grace}.render(t)
		if err != nil {
			t.Fatal(err)
		}
		for _, pod := range serving(t, objects) {
			if got := *pod.Spec.TerminationGracePeriodSeconds; got != want {
				t.Errorf("%q: %d s, want %d", grace, got, want)
			}
		}
	}
}

func TestTheStoreTakesFourFifthsOfTheVolumeAndOfTheMemory(t *testing.T) {
	objects, _, err := release{values: "persistence: {size: 50Gi}\nresources: {limits: {memory: 2Gi, cpu: 1500m}}"}.render(t)
	if err != nil {
		t.Fatal(err)
	}
	all := strings.Join(objects, "")
	for _, want := range []string{"embedded_max_store: 42949672960\n", "value: \"1717986918\"\n", "resource: limits.cpu\n"} {
		if !strings.Contains(all, want) {
			t.Errorf("no %q", want)
		}
	}
}

// Without a volume the store keeps to what the pod may have on the node's disk: who has more is evicted,
// and everything with it.
func TestWithoutAVolumeThePodIsNotEvictedForItsStore(t *testing.T) {
	objects, _, err := release{values: "persistence: {enabled: false, size: 1Gi}"}.render(t)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(strings.Join(objects, ""), "embedded_max_store: 858993459\n") {
		t.Error("the store is not four fifths of what it may have")
	}
	pod := serving(t, objects)["hs-hookspan"].Spec
	limit := pod.Containers[0].Resources.Limits.StorageEphemeral().Value()
	for _, v := range pod.Volumes {
		if v.Name == "data" && limit < v.EmptyDir.SizeLimit.Value()+256<<20 {
			t.Errorf("a pod that may have %d bytes has a store of %d", limit, v.EmptyDir.SizeLimit.Value())
		}
	}
}

func TestReleasesLiveSideBySide(t *testing.T) {
	one, _, err := release{name: "one", values: matrix(t)["nats"]}.render(t)
	if err != nil {
		t.Fatal(err)
	}
	two, _, err := release{name: "two", values: matrix(t)["nats"]}.render(t)
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for _, text := range append(one, two...) {
		var meta metav1.PartialObjectMetadata
		if err := yaml.Unmarshal([]byte(text), &meta); err != nil {
			t.Fatal(err)
		}
		if id := meta.Kind + "/" + meta.Name; names[id] {
			t.Errorf("%s is in both", id)
		} else {
			names[id] = true
		}
	}
	if all := strings.Join(two, ""); !strings.Contains(all, "namespace: two-hookspan\n") {
		t.Error("the namespace of topics does not follow the release")
	}
}

// Helm takes names of releases that Kubernetes does not take for a Service.
func TestAReleaseMayHaveADot(t *testing.T) {
	objects, _, err := release{name: "web.hooks", values: matrix(t)["split-roles"]}.render(t)
	if err != nil {
		t.Fatal(err)
	}
	if all := strings.Join(objects, ""); !strings.Contains(all, "namespace: web-hooks-hookspan\n") {
		t.Error("the namespace of topics does not follow the release")
	}
	for _, text := range objects {
		var meta metav1.PartialObjectMetadata
		if err := yaml.Unmarshal([]byte(text), &meta); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(meta.Name, ".") {
			t.Errorf("%s/%s has a dot in its name", meta.Kind, meta.Name)
		}
	}
	if _, _, err := (release{name: "1st"}).render(t); err == nil || !strings.Contains(err.Error(), "fullnameOverride: objects would be called 1st-hookspan") {
		t.Errorf("a release that begins by a digit: %v", err)
	}
}

// Sources, endpoints and their secrets are read again by a process that runs; what it reads once
// makes new pods.
func TestOnlyWhatIsReadOnceMakesNewPods(t *testing.T) {
	template := func(change string) map[string]corev1.PodTemplateSpec {
		const provider = "providers: {acme.yaml: 'name: acme'}"
		objects, _, err := release{values: merged(t, merged(t, matrix(t)["kafka-split"], provider), change)}.render(t)
		if err != nil {
			t.Fatal(err)
		}
		return serving(t, objects)
	}
	was := template("")
	for change, anew := range map[string]bool{
		"sources: {other: {provider: hmac, secrets: 'file:/run/other'}}":                false,
		"endpoints: {other: {url: 'https://other.example', signature: 'none'}}":         false,
		"sources: {other: {provider: hmac, secretsFrom: {name: other, key: secret}}}":   true, // it has to be mounted
		"sources: {other: {provider: hmac, secrets: 'file:/run/other', topic: orders}}": true,
		"providers: {acme.yaml: 'name: acme, of another scheme'}":                       true,
		"config: {retention: 24h}": true,
		"preStopSeconds: 9":        true,
	} {
		for workload, pod := range template(change) {
			if got := !reflect.DeepEqual(was[workload], pod); got != anew {
				t.Errorf("%s: new pods of %s: %v", change, workload, got)
			}
		}
	}
}

func TestEveryObjectHasTheCommonLabelsAndAnnotations(t *testing.T) {
	const more = "extraObjects: []\nextraDeploy: []\ncommonLabels: {team: shop}\ncommonAnnotations: {page: shop}"
	everyObject(t, more, func(name string, meta metav1.PartialObjectMetadata, _ string) {
		if meta.Labels["team"] != "shop" || meta.Annotations["page"] != "shop" {
			t.Errorf("%s: %s/%s has the labels %v and the annotations %v", name, meta.Kind, meta.Name, meta.Labels, meta.Annotations)
		}
	})
}

// random is what differs from rendering to rendering.
var random = regexp.MustCompile(`(admin-token|seal-key|secret): \S{20,}`)

func unrandom(objects []string) string {
	return random.ReplaceAllString(strings.Join(objects, "---\n"), "$1: RANDOM")
}

func TestGolden(t *testing.T) {
	for name, values := range matrix(t) {
		t.Run(name, func(t *testing.T) {
			objects, notes, err := release{values: values}.render(t)
			if err != nil {
				t.Fatal(err)
			}
			text := unrandom(objects)
			if strings.Contains(text, "dashboard") { // made from files that have a test of their own
				text = regexp.MustCompile(`(?s)\.json: \|\n.*?\n---`).ReplaceAllString(text, ".json: …\n---")
			}
			golden(t, filepath.Join("testdata/golden", name+".yaml"), []byte(fmt.Sprintf("%s--- # notes\n%s\n", text, strings.TrimSpace(notes))))
		})
	}
}
