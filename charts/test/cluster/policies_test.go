//go:build cluster

package cluster

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

// policies are seen to hold by what is let through and by what is not, before and after one more
// is let through: nothing else can have been in the way.
func (r *release) policies(t *testing.T) {
	const webhooks, admin = "http://hs-hookspan/", "http://hs-hookspan-admin:8081/healthz"
	if out, err := r.stranger(t, webhooks); err != nil {
		t.Errorf("a pod that is none of Hookspan's does not reach the intake: %v: %s", err, out)
	}
	if out, err := r.stranger(t, admin); err == nil {
		t.Errorf("a pod that is none of Hookspan's reaches the API: %s", out)
	}
	r.look(t, openPort)
	if r.traffic.asked(openPort) == 0 {
		t.Error("Hookspan does not reach what its policy lets it reach")
	}
	r.look(t, shutPort)
	if r.traffic.asked(shutPort) > 0 {
		t.Error("Hookspan reaches what its policy does not let it reach")
	}
	was := r.uids(t)
	r.upgrade(t,
		"--set-json", `networkPolicy.adminFrom=[{"podSelector":{"matchLabels":{"app":"stranger"}}}]`,
		"--set-json", fmt.Sprintf(`networkPolicy.extraEgress=[{"to":[{"ipBlock":{"cidr":"%s/32"}}]}]`, node))
	eventually(t, time.Minute, "the API is reached by whom the policy lets in", func() (bool, string) {
		out, err := r.stranger(t, admin)
		return err == nil, out
	})
	eventually(t, time.Minute, "Hookspan reaches what it is let reach now", func() (bool, string) {
		out := r.look(t, shutPort)
		return r.traffic.asked(shutPort) > 0, out
	})
	if now := r.uids(t); !slices.Equal(was, now) {
		t.Errorf("a policy made new pods: %v, were %v", now, was)
	}
}

// stranger asks for a URL from a pod that is none of Hookspan's.
func (r *release) stranger(t *testing.T, url string) (string, error) {
	t.Helper()
	return r.tryKubectl(t, "exec", "stranger", "--", "/stub", "get", url)
}

// look lets a pod of Hookspan ask for something at the node. No answer is the right one.
func (r *release) look(t *testing.T, port int) string {
	t.Helper()
	out, err := r.tryKubectl(t, "exec", r.workload(), "--", "/hookspan", "endpoints", "list", fmt.Sprintf("--server=http://%s:%d", node, port), "--token=none")
	return fmt.Sprintf("%v: %s", err, out)
}
