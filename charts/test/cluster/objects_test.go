//go:build cluster

package cluster

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The API server takes every object of every case, by its own rules and by those of the definitions
// of others (CEL), of which a schema says only a part.
func TestTheServerTakesEveryObject(t *testing.T) {
	helmOfItsOwn(t)
	r := &release{namespace: "events"}
	definitions := os.Getenv("CRDS")
	r.kubectl(t, "create", "namespace", r.namespace)
	for _, account := range []string{"hs-hookspan", "hs-hooks"} { // pods are taken with what they name alone
		r.kubectl(t, "create", "serviceaccount", account)
	}
	r.apply(t, "{apiVersion: node.k8s.io/v1, kind: RuntimeClass, metadata: {name: gvisor}, handler: runsc}")
	r.kubectl(t, "create", "--filename", definitions)
	r.kubectl(t, "wait", "--for=condition=Established", "--timeout=60s", "--filename", definitions)
	const oneFamily = `service.ipFamilies=["IPv4"]` // the node has no other
	cases, err := filepath.Glob("../testdata/values/*.yaml")
	if err != nil || len(cases) == 0 {
		t.Fatalf("%v, %d cases", err, len(cases))
	}
	for _, values := range cases {
		t.Run(strings.TrimSuffix(filepath.Base(values), ".yaml"), func(t *testing.T) {
			if said, err := r.dryRun(t, r.helm(t, "template", "hs", chart, "--values", values, "--set-json", oneFamily)); err != nil {
				t.Errorf("%v\n%s", err, said)
			}
		})
	}
	t.Run("refused", func(t *testing.T) {
		const slow = "{apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute, metadata: {name: slow}, " +
			"spec: {rules: [{backendRefs: [{name: hs, port: 80}], timeouts: {request: 1s, backendRequest: 2s}}]}}"
		if said, err := r.dryRun(t, slow); err == nil || !strings.Contains(said, "backendRequest") {
			t.Errorf("a route whose part may take longer than the whole: %v\n%s", err, said)
		}
	})
}

// dryRun has the server look at objects and keep none.
func (r *release) dryRun(t *testing.T, objects string) (said string, err error) {
	t.Helper()
	_, said, err = command(t, objects, "KUBE", "kubectl", "--namespace", r.namespace, "apply", "--dry-run=server", "--validate=strict", "--filename", "-")
	return said, err
}
