//go:build cluster

package cluster

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// install takes the words of NOTES.txt to be true: it is ready when helm says so.
func (r *release) install(t *testing.T) {
	out := r.helm(t, "install", "hs", chart, "--values", r.values, "--wait", "--timeout=5m")
	if strings.Contains(out, "would violate") {
		t.Errorf("pods are not restricted:\n%s", out)
	}
	r.anew(t, r.replicas)
	// helm looks at the pods: that the node knows the Service's way to them takes a moment more.
	eventually(t, 30*time.Second, "the Service takes a webhook", func() (bool, string) {
		err := r.traffic.one(r.intake("shop"))
		return err == nil, fmt.Sprint(err)
	})
	r.kubectl(t, "wait", "pod/stranger", "--for=condition=Ready", "--timeout=60s")
}

func (r *release) roundTrip(t *testing.T) {
	out := r.helm(t, "test", "hs", "--logs", "--timeout=3m")
	if !strings.Contains(out, "the signature is right, the body the same") {
		t.Errorf("helm test says:\n%s", out)
	}
	if left := r.kubectl(t, "exec", r.workload(), "--", "/hookspan", "endpoints", "list"); strings.Contains(left, "roundtrip-") || !strings.Contains(left, "crm") {
		t.Errorf("endpoints after helm test:\n%s", left)
	}
}

func (r *release) inAndOut(t *testing.T) {
	for range 50 {
		if err := r.traffic.one(r.intake("shop")); err != nil {
			t.Fatal(err)
		}
	}
	r.traffic.settle(t)
	if err := r.traffic.send(r.intake("nobody"), "order-0"); err == nil || !strings.Contains(err.Error(), "404") {
		t.Errorf("of a source that there is not: %v", err)
	}
}

// newSource comes with an upgrade that no pod is restarted for.
func (r *release) newSource(t *testing.T) {
	was := r.uids(t)
	r.upgrade(t, "--set-json", `sources.other={"provider":"standard-webhooks","secretsFrom":{"name":"webhooks","key":"in"}}`)
	eventually(t, 2*time.Minute, "the new source takes webhooks in", func() (bool, string) {
		err := r.traffic.send(r.intake("other"), "order-0")
		return err == nil, fmt.Sprint(err)
	})
	if now := r.uids(t); !slices.Equal(was, now) {
		t.Errorf("a new source made new pods: %v, were %v", now, was)
	}
}

// upgradeAll changes what every pod is restarted for, while webhooks come.
func (r *release) upgradeAll(t *testing.T) {
	secrets := r.kubectl(t, "get", "secrets", "hs-hookspan-auth", "hs-hookspan-test", "--output=jsonpath={.items[*].data}")
	r.replaced(t, func() { r.upgrade(t, "--set", "preStopSeconds=6", "--set", "config.log_level=debug") })
	if now := r.kubectl(t, "get", "secrets", "hs-hookspan-auth", "hs-hookspan-test", "--output=jsonpath={.items[*].data}"); now != secrets {
		t.Error("the upgrade made new secrets")
	}
	if grace := r.kubectl(t, "get", r.workload(), "--output=jsonpath={.spec.template.spec.terminationGracePeriodSeconds}"); grace != "61" { // those before may still be stopping
		t.Errorf("a pod may take %s s to stop, not 61", grace)
	}
}

// replaced makes a change that gives all new pods, while webhooks come.
func (r *release) replaced(t *testing.T, change func()) {
	t.Helper()
	was := r.uids(t)
	refused := r.traffic.during(r.intake("shop"), func() {
		change()
		r.anew(t, r.replicas, was...)
	})
	if len(refused) > 0 && r.shared() {
		t.Errorf("%d webhooks were refused while pods were replaced one by one, such as %s", len(refused), refused[0])
	}
	r.traffic.settle(t)
}

// rollBack goes to the revision before, while webhooks come. What was rotated since is none of it.
func (r *release) rollBack(t *testing.T) {
	r.kubectl(t, "patch", "secret", "hs-hookspan-auth", "--patch", fmt.Sprintf(`{"stringData":{"admin-token":%q}}`, strings.Repeat("rotated-", 5)))
	rotated := r.kubectl(t, "get", "secret", "hs-hookspan-auth", "--output=jsonpath={.data}")
	r.replaced(t, func() { r.helm(t, "rollback", "hs", "--wait", "--timeout=5m") })
	if now := r.kubectl(t, "get", "secret", "hs-hookspan-auth", "--output=jsonpath={.data}"); now != rotated {
		t.Error("the rollback brought another token or key back")
	}
	r.kubectl(t, "exec", r.workload(), "--", "/hookspan", "endpoints", "list")
}

// kill takes a pod away without a word of warning, while webhooks come.
func (r *release) kill(t *testing.T) {
	victim := r.uids(t)[0]
	name := r.pods(t)[victim].name
	refused := r.traffic.during(r.intake("shop"), func() {
		r.kubectl(t, "delete", "pod", name, "--force", "--grace-period=0", "--wait=false")
		r.anew(t, r.replicas, victim)
	})
	t.Logf("%d webhooks were refused", len(refused))
	r.traffic.settle(t)
}

// loseMember takes the volume of a member of a cluster away, as the README says it, while webhooks come.
func (r *release) loseMember(t *testing.T) {
	if !r.embedded() || !r.shared() {
		return
	}
	const name = "hs-hookspan-1"
	victim := ""
	for uid, p := range r.pods(t) {
		if p.name == name {
			victim = uid
		}
	}
	volume := r.kubectl(t, "get", "pvc", "data-"+name, "--output=jsonpath={.spec.volumeName}")
	refused := r.traffic.during(r.intake("shop"), func() {
		r.kubectl(t, "delete", "pvc", "data-"+name, "--wait=false")
		r.kubectl(t, "delete", "pod", name, "--force")
		r.anew(t, r.replicas, victim)
	})
	t.Logf("%d webhooks were refused", len(refused))
	if now := r.kubectl(t, "get", "pvc", "data-"+name, "--output=jsonpath={.spec.volumeName}"); now == volume {
		t.Error("the member has its old volume")
	}
	r.kubectl(t, "exec", name, "--", "/hookspan", "doctor")
	r.traffic.settle(t)
}

// drain empties the node, which is the only one: pods that leave find no other. A budget lets one
// go; a single pod, which has none, goes and comes back.
func (r *release) drain(t *testing.T) {
	was := r.uids(t)
	refused := r.traffic.during(r.intake("shop"), func() {
		defer r.kubectl(t, "uncordon", "node0")
		limit := "--timeout=150s"
		if r.shared() {
			limit = "--timeout=40s"
		}
		out, err := r.tryKubectl(t, "drain", "node0", "--ignore-daemonsets", "--delete-emptydir-data", limit, "--pod-"+own[2:])
		if !r.shared() {
			if err != nil {
				t.Errorf("drain: %v\n%s", err, out)
			}
			return
		}
		if err == nil || !strings.Contains(out, "disruption budget") {
			t.Errorf("no budget held the drain up: %v\n%s", err, out)
		}
		stayed := 0
		for _, uid := range r.uids(t) {
			if slices.Contains(was, uid) {
				stayed++
			}
		}
		if stayed != r.replicas-1 {
			t.Errorf("%d pods of %d stayed", stayed, r.replicas)
		}
	})
	if len(refused) > 0 && r.shared() {
		t.Errorf("%d webhooks were refused while the node was drained, such as %s", len(refused), refused[0])
	}
	r.anew(t, r.replicas)
	r.traffic.settle(t)
}

// scale changes how many pods there are, where that can be; the members of an embedded bus rest
// together and come back to what they had.
func (r *release) scale(t *testing.T) {
	if !r.embedded() {
		refused := r.traffic.during(r.intake("shop"), func() {
			r.upgrade(t, "--set", fmt.Sprintf("replicas=%d", r.replicas+1))
			r.anew(t, r.replicas+1)
			r.upgrade(t, "--set", fmt.Sprintf("replicas=%d", r.replicas))
			r.anew(t, r.replicas)
		})
		if len(refused) > 0 {
			t.Errorf("%d webhooks were refused while pods came and went, such as %s", len(refused), refused[0])
		}
		r.traffic.settle(t)
		return
	}
	out, err := r.tryHelm(t, "upgrade", "hs", chart, "--reuse-values", "--set", fmt.Sprintf("replicas=%d", r.replicas+2))
	if err == nil || !strings.Contains(out, "replicas: ") {
		t.Errorf("other members by an upgrade: %v\n%s", err, out)
	}
	r.traffic.setAway(true)
	for range 20 {
		if err := r.traffic.one(r.intake("shop")); err != nil {
			t.Error(err)
		}
	}
	r.kubectl(t, "scale", r.workload(), "--replicas=0")
	r.anew(t, 0)
	r.traffic.setAway(false)
	if err := r.traffic.standing(); err == nil {
		t.Error("nothing waits in the volumes")
	}
	r.kubectl(t, "scale", r.workload(), fmt.Sprintf("--replicas=%d", r.replicas))
	r.anew(t, r.replicas)
	r.traffic.settle(t)
}

// uninstall leaves what holds data, as NOTES.txt and the README say, and nothing else.
func (r *release) uninstall(t *testing.T) {
	r.helm(t, "uninstall", "hs", "--wait", "--timeout=3m")
	want := []string{"secret/hs-hookspan-auth"}
	for _, claim := range r.claims {
		want = append(want, "persistentvolumeclaim/"+claim)
	}
	slices.Sort(want)
	var left []string
	eventually(t, time.Minute, fmt.Sprintf("no more than %v is left", want), func() (bool, string) {
		left = r.left(t)
		return slices.Equal(left, want), fmt.Sprintf("there are %v", left)
	})
	t.Logf("left: %v", left)
	r.kubectl(t, "delete", "namespace", r.namespace, "--timeout=120s")
	for _, kind := range []string{"clusterrole", "clusterrolebinding", "priorityclass", "customresourcedefinition", "validatingwebhookconfiguration", "mutatingwebhookconfiguration"} {
		if all := r.kubectl(t, "get", kind, "--output=name"); strings.Contains(all, "hookspan") {
			t.Errorf("of the cluster's own: %s", all)
		}
	}
}

// left is every object of the namespace, but for what was there before and what Kubernetes has in each.
func (r *release) left(t *testing.T) []string {
	t.Helper()
	kinds := strings.Fields(r.kubectl(t, "api-resources", "--namespaced", "--verbs=list", "--output=name"))
	kinds = slices.DeleteFunc(kinds, func(kind string) bool { return strings.HasPrefix(kind, "events") })
	all := strings.Fields(r.kubectl(t, "get", strings.Join(kinds, ","), "--output=name", "--ignore-not-found"))
	there := []string{"configmap/kube-root-ca.crt", "serviceaccount/default", "secret/webhooks", "service/crm", "endpoints/crm", "endpointslice.discovery.k8s.io/crm", "pod/stranger"}
	all = slices.DeleteFunc(all, func(id string) bool { return slices.Contains(there, id) })
	slices.Sort(all)
	return all
}
