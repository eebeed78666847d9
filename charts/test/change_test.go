package test

import (
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"
)

// frozen is what Kubernetes lets no upgrade change of the objects of a release, by kind and name.
func frozen(t *testing.T, objects []string) map[string]map[string]any {
	t.Helper()
	found := map[string]map[string]any{}
	for _, o := range typed(t, objects) {
		switch o := o.(type) {
		case *appsv1.StatefulSet:
			found["StatefulSet/"+o.Name] = plain(t, map[string]any{
				"selector": o.Spec.Selector, "serviceName": o.Spec.ServiceName, "podManagementPolicy": o.Spec.PodManagementPolicy, "volumeClaimTemplates": o.Spec.VolumeClaimTemplates,
			})
		case *appsv1.Deployment:
			found["Deployment/"+o.Name] = plain(t, map[string]any{"selector": o.Spec.Selector})
		case *corev1.Service:
			found["Service/"+o.Name] = plain(t, map[string]any{"clusterIP": o.Spec.ClusterIP})
		case *corev1.Secret:
			found["Secret/"+o.Name] = plain(t, map[string]any{"type": o.Type})
		}
	}
	return found
}

// plain is a value as it comes back from a file.
func plain(t *testing.T, v any) (back map[string]any) {
	t.Helper()
	text, err := yaml.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(text, &back); err != nil {
		t.Fatal(err)
	}
	return back
}

// An upgrade with other values, or to another version of the chart, is one that Kubernetes takes.
func TestAnUpgradeChangesNothingThatCannotBeChanged(t *testing.T) {
	anew := ""
	for _, change := range []string{
		"commonLabels: {team: other}\ncommonAnnotations: {a: b}\npodLabels: {tier: x}\npodAnnotations: {a: b}",
		"image: {tag: 9.9.9, digest: ''}",
		"resources: {limits: {memory: 2Gi}}\npreStopSeconds: 9\nhostUsers: false\npriorityClassName: high",
		"service: {type: NodePort, port: 8000}\nadminService: {port: 9000}\nnetworkPolicy: {enabled: false}",
		"persistence: {whenDeleted: Delete, whenScaled: Delete}",
		"config: {retention: 24h}\nsources: {shop: {provider: shopify, secretsFrom: {name: a, key: b}}}",
	} {
		anew = merged(t, anew, change)
	}
	for name, values := range matrix(t) {
		t.Run(name, func(t *testing.T) {
			objects, _, err := release{values: values}.render(t)
			if err != nil {
				t.Fatal(err)
			}
			was, same := frozen(t, objects), 0
			objects, _, err = release{values: merged(t, values, anew), chart: "9.9.9"}.render(t)
			if err != nil {
				t.Fatal(err)
			}
			for id, fields := range frozen(t, objects) {
				if before := was[id]; before != nil && !reflect.DeepEqual(before, fields) {
					t.Errorf("%s was %v, would be %v", id, before, fields)
				} else if before != nil {
					same++
				}
			}
			if same < 4 {
				t.Errorf("only %d objects are in both", same)
			}
		})
	}
}

// merged lays one set of values over another, map by map.
func merged(t *testing.T, values, over string) string {
	t.Helper()
	var a, b map[string]any
	for text, into := range map[string]*map[string]any{values: &a, over: &b} {
		if err := yaml.Unmarshal([]byte(text), into); err != nil {
			t.Fatal(err)
		}
	}
	var lay func(a, b map[string]any) map[string]any
	lay = func(a, b map[string]any) map[string]any {
		if a == nil {
			a = map[string]any{}
		}
		for key, value := range b {
			below, ok := value.(map[string]any)
			if was, both := a[key].(map[string]any); ok && both {
				value = lay(was, below)
			}
			a[key] = value
		}
		return a
	}
	text, err := yaml.Marshal(lay(a, b))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// What was frozen once stays: -update adds what is new to the file, and changes nothing in it.
func TestWhatWasReleasedCanBeUpgraded(t *testing.T) {
	const path = "testdata/frozen.yaml"
	text, err := os.ReadFile(path)
	if err != nil && !*update {
		t.Fatal(err)
	}
	kept := map[string]map[string]map[string]any{}
	if err := yaml.Unmarshal(text, &kept); err != nil {
		t.Fatal(err)
	}
	for name, values := range matrix(t) {
		objects, _, err := release{values: values}.render(t)
		if err != nil {
			t.Fatal(err)
		}
		if kept[name] == nil {
			kept[name] = map[string]map[string]any{}
		}
		now := frozen(t, objects)
		for id, fields := range now {
			if was := kept[name][id]; was == nil {
				kept[name][id] = fields
			} else if !reflect.DeepEqual(was, fields) {
				t.Errorf("%s: %s was %v and is %v: no release that is there can be upgraded to it", name, id, was, fields)
			}
		}
	}
	out, err := yaml.Marshal(kept)
	if err != nil {
		t.Fatal(err)
	}
	golden(t, path, out)
}

// A release that is there, as far as the chart looks it up.
const (
	releasedConfig = `{apiVersion: v1, kind: ConfigMap, metadata: {name: hs-hookspan-config, annotations: {hookspan/bus-kind: KIND}}, data: {hookspan.yaml: "namespace: hs-hookspan"}}`
	releasedSet    = `{apiVersion: apps/v1, kind: StatefulSet, metadata: {name: hs-hookspan}, spec: {replicas: MEMBERS, volumeClaimTemplates: [` +
		`{metadata: {name: data}, spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 10240Mi}}}}]}}`
	releasedClaim = `{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: data-hs-hookspan-0}, status: {capacity: {storage: 20Gi}}}`
	releasedAuth  = `{apiVersion: v1, kind: Secret, metadata: {name: hs-hookspan-auth}, data: {admin-token: a2VwdA==, seal-key: a2VwdA==}}`
	releasedTest  = `{apiVersion: v1, kind: Secret, metadata: {name: hs-hookspan-test}, data: {secret: a2VwdA==}}`
)

func released(kind, members string) []string {
	r := strings.NewReplacer("KIND", kind, "MEMBERS", members)
	return []string{r.Replace(releasedConfig), r.Replace(releasedSet), releasedClaim, releasedAuth, releasedTest}
}

func TestAnUpgradeKeepsWhatIsThere(t *testing.T) {
	objects, _, err := release{found: released("embedded", "1")}.render(t)
	if err != nil {
		t.Fatal(err)
	}
	all := strings.Join(objects, "")
	for _, want := range []string{
		"embedded_max_store: 17179869184\n", // of the claim, which was enlarged
		"  secret: a2VwdA==\n",
	} {
		if !strings.Contains(all, want) {
			t.Errorf("no %q", want)
		}
	}
}

// A member whose volume is smaller would be full before the limit is reached.
func TestTheSmallestVolumeOfAClusterCounts(t *testing.T) {
	const claim = `{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: data-hs-hookspan-MEMBER}, status: {capacity: {storage: SIZE}}}`
	of := func(member, size string) string {
		return strings.NewReplacer("MEMBER", member, "SIZE", size).Replace(claim)
	}
	for name, c := range map[string]struct {
		found []string
		want  int64
	}{
		"none is there yet":     {nil, 10 << 30},
		"all were enlarged":     {[]string{of("0", "20Gi"), of("1", "20Gi"), of("2", "20Gi")}, 20 << 30},
		"one was not":           {[]string{of("0", "20Gi"), of("1", "10Gi"), of("2", "20Gi")}, 10 << 30},
		"one is made anew":      {[]string{of("0", "20Gi"), of("1", "20Gi")}, 10 << 30},
		"one is smaller still":  {[]string{of("0", "20Gi"), of("1", "20Gi"), of("2", "5Gi")}, 5 << 30},
		"another one's is tiny": {[]string{of("0", "20Gi"), of("1", "20Gi"), of("2", "20Gi"), of("3", "1Gi")}, 20 << 30},
	} {
		objects, _, err := release{values: "bus: {kind: embedded-cluster}\npersistence: {size: 10Gi}", found: c.found}.render(t)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if want := fmt.Sprintf("embedded_max_store: %d\n", c.want*4/5); !strings.Contains(strings.Join(objects, ""), want) {
			t.Errorf("%s: no %q", name, want)
		}
	}
}

// The Secret of token and key is made by a hook where it is not there: Helm has it in no release, and a
// rollback does not write what was in it once.
func TestARollbackLeavesTokenAndKeyAlone(t *testing.T) {
	secret := func(found ...string) *corev1.Secret {
		objects, _, err := release{found: found}.render(t)
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range typed(t, objects) {
			if s, ok := o.(*corev1.Secret); ok && s.Name == "hs-hookspan-auth" {
				return s
			}
		}
		return nil
	}
	made := secret()
	if made == nil || len(made.Data["admin-token"]) < 43 || len(made.Data["seal-key"]) != 44 {
		t.Fatalf("an install makes %v", made)
	}
	if got := made.Annotations["helm.sh/hook"]; got != "pre-install,pre-upgrade" {
		t.Errorf("the Secret is part of the release: %q", got)
	}
	if again := secret(released("embedded", "1")...); again != nil {
		t.Errorf("an upgrade writes %v", again)
	}
	for _, values := range []string{"", "auth: {existingSecret: hs-hookspan-auth}"} {
		_, _, err := release{values: values, found: []string{strings.ReplaceAll(releasedAuth, ", seal-key: a2VwdA==", "")}}.render(t)
		if err == nil || !strings.Contains(err.Error(), "hs-hookspan-auth is there without seal-key") {
			t.Errorf("%q: a Secret without its key: %v", values, err)
		}
	}
}

func TestWhatNoUpgradeCanDoIsRefused(t *testing.T) {
	for name, c := range map[string]struct{ kind, members, values, says string }{
		"one member to three":      {"embedded", "1", "bus: {kind: embedded-cluster}", "install a second release"},
		"an own bus to NATS":       {"embedded", "1", "bus: {kind: nats, url: 'nats://n:4222'}", "has its events on embedded"},
		"five members to three":    {"embedded-cluster", "5", "bus: {kind: embedded-cluster}", "has 5 members"},
		"another namespace":        {"nats", "1", "bus: {kind: nats, url: 'nats://n:4222'}\nconfig: {namespace: other}", "config.namespace: this release has its topics below"},
		"its own namespace, named": {"nats", "1", "bus: {kind: nats, url: 'nats://n:4222'}\nconfig: {namespace: hs-hookspan}", ""},
		"a larger claim":           {"embedded", "1", "persistence: {size: 20Gi}", "patch pvc data-hs-hookspan-0"},
		"another class":            {"embedded", "1", "persistence: {storageClass: fast}", "persistence.storageClass"},
		"no claim any more":        {"embedded", "1", "persistence: {enabled: false}", "has claims of its own"},
		"the same, written anew":   {"embedded", "1", "persistence: {size: 10Gi}", ""},
		"three members, as before": {"embedded-cluster", "3", "bus: {kind: embedded-cluster}", ""},
		"members that are resting": {"embedded-cluster", "0", "bus: {kind: embedded-cluster}", ""},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := release{values: c.values, found: released(c.kind, c.members)}.render(t)
			if c.says == "" && err != nil {
				t.Error(err)
			}
			if c.says != "" && (err == nil || !strings.Contains(err.Error(), c.says)) {
				t.Errorf("%v, want %q", err, c.says)
			}
		})
	}
}
