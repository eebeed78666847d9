//go:build cluster

package cluster

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// A release of the chart, in a namespace of its own that takes restricted pods alone.
type release struct {
	shape
	namespace string
	values    string // path of the file
	traffic   *traffic
}

// What is there before the chart: secrets, the endpoint's Service, which leads to the node, and a
// pod that is none of Hookspan's.
const before = `
apiVersion: v1
kind: Secret
metadata: {name: webhooks}
stringData: {in: whsec_IN, out: whsec_OUT}
---
apiVersion: v1
kind: Service
metadata: {name: crm}
spec:
  ports: [{port: 80, targetPort: OPEN}]
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: crm, labels: {kubernetes.io/service-name: crm}}
addressType: IPv4
ports: [{port: OPEN}]
endpoints: [{addresses: [NODE]}]
---
apiVersion: v1
kind: Pod
metadata: {name: stranger, labels: {app: stranger}}
spec:
  automountServiceAccountToken: false
  securityContext: {runAsNonRoot: true, seccompProfile: {type: RuntimeDefault}}
  containers:
    - name: stub
      image: localhost/stub:1
      securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}
`

const values = `
image: {repository: hookspan, tag: dev}
bus: {kind: KIND, url: "BUS"}
config: {egress_hosts: [crm.NAMESPACE.svc.cluster.local]}
sources:
  shop: {provider: standard-webhooks, secretsFrom: {name: webhooks, key: in}}
endpoints:
  crm:
    url: http://crm.NAMESPACE.svc.cluster.local/
    events: [webhook.shop.*]
    secretsFrom: {name: webhooks, key: out}
    schedule: [SCHEDULE]
networkPolicy:
  extraEgress: [{to: [{ipBlock: {cidr: NODE/32}}], ports: [{port: OPEN, protocol: TCP}]}]
`

// live is the life of a release. What one step leaves behind is where the next begins.
func (s shape) live(t *testing.T) {
	t.Log(s)
	r := &release{shape: s, namespace: s.kind, values: filepath.Join(t.TempDir(), "values.yaml"), traffic: newTraffic(t)}
	helmOfItsOwn(t)
	fill := strings.NewReplacer(
		"NAMESPACE", r.namespace, "KIND", s.kind, "BUS", s.bus, "NODE", node, "OPEN", fmt.Sprint(openPort),
		"IN", inSecret, "OUT", outSecret, "SCHEDULE", strings.Repeat("1s, ", 99)+"1s",
	)
	text := fill.Replace(values)
	if s.affinity != "" {
		text += "affinity: " + s.affinity + "\n"
	}
	if err := os.WriteFile(r.values, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	r.apply(t, "{apiVersion: v1, kind: Namespace, metadata: {name: "+r.namespace+", labels: {"+
		"pod-security.kubernetes.io/enforce: restricted, pod-security.kubernetes.io/warn: restricted}}}")
	r.apply(t, fill.Replace(before))
	for _, step := range []struct {
		name string
		do   func(*release, *testing.T)
	}{
		{"install", (*release).install},
		{"helm test", (*release).roundTrip},
		{"in and out", (*release).inAndOut},
		{"policies", (*release).policies},
		{"new source", (*release).newSource},
		{"upgrade", (*release).upgradeAll},
		{"rollback", (*release).rollBack},
		{"kill", (*release).kill},
		{"lost member", (*release).loseMember},
		{"drain", (*release).drain},
		{"scale", (*release).scale},
		{"carry", (*release).carry},
		{"uninstall", (*release).uninstall},
	} {
		began := time.Now()
		if !t.Run(step.name, func(t *testing.T) { step.do(r, t) }) {
			r.explain(t)
			return
		}
		t.Logf("%s: right, %.1f s", step.name, time.Since(began).Seconds())
	}
}

// explain says how things stand, for whoever reads why a step failed.
func (r *release) explain(t *testing.T) {
	for _, args := range [][]string{
		{"get", "all,pvc,networkpolicy,pdb", "--output=wide"},
		{"get", "events", "--sort-by=.lastTimestamp"},
		{"describe", "pods", "--selector=app.kubernetes.io/name=hookspan"},
		{"logs", "--selector=app.kubernetes.io/name=hookspan", "--tail=30", "--prefix"},
	} {
		out, err := r.tryKubectl(t, args...)
		t.Logf("kubectl %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

func (r *release) intake(source string) string { return r.intakeOf("hs-hookspan", source) }

func (r *release) intakeOf(name, source string) string {
	return "http://" + name + "." + r.namespace + ".svc.cluster.local/webhooks/" + source
}

const own = "--selector=app.kubernetes.io/instance=hs,app.kubernetes.io/name=hookspan"

// pods are those of the release that nobody has deleted, by uid.
func (r *release) pods(t *testing.T) map[string]pod {
	t.Helper()
	const line = `{{range .items}}{{if not .metadata.deletionTimestamp}}{{.metadata.uid}} {{.metadata.name}} ` +
		`{{range .status.conditions}}{{if eq .type "Ready"}}{{.status}}{{end}}{{end}}{{"\n"}}{{end}}{{end}}`
	found := map[string]pod{}
	for l := range strings.Lines(r.kubectl(t, "get", "pods", own, "--output=go-template="+line)) {
		if f := strings.Fields(l); len(f) > 1 {
			found[f[0]] = pod{name: f[1], ready: slices.Contains(f[2:], "True")}
		}
	}
	return found
}

type pod struct {
	name  string
	ready bool
}

// uids are those of the release's pods, in order.
func (r *release) uids(t *testing.T) []string {
	t.Helper()
	return slices.Sorted(maps.Keys(r.pods(t)))
}

// anew waits until there are as many pods as there should be, all ready and none of them one that
// was there before.
func (r *release) anew(t *testing.T, n int, was ...string) {
	t.Helper()
	eventually(t, 3*time.Minute, fmt.Sprintf("%d pods, ready and new", n), func() (bool, string) {
		now := r.pods(t)
		right := len(now) == n
		for uid, p := range now {
			right = right && p.ready && !slices.Contains(was, uid)
		}
		return right, fmt.Sprintf("there are %v, not %v", now, was)
	})
}
