//go:build cluster

package cluster

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const chart = "../../hookspan"

// command runs what HELM or KUBE names. What it says beside its answer is in said.
func command(t *testing.T, stdin, variable string, args ...string) (answer, said string, err error) {
	t.Helper()
	program := os.Getenv(variable)
	if program == "" {
		t.Fatalf("%s is not set: run .ci/run cluster", variable)
	}
	cmd := exec.CommandContext(t.Context(), program, args...)
	cmd.Stdin = strings.NewReader(stdin)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err = cmd.Run()
	return strings.TrimSpace(out.String()), strings.TrimSpace(errs.String()), err
}

// helmOfItsOwn keeps helm out of the user's folders.
func helmOfItsOwn(t *testing.T) {
	t.Helper()
	home := t.TempDir()
	for variable, folder := range map[string]string{"HELM_CACHE_HOME": "cache", "HELM_CONFIG_HOME": "config", "HELM_DATA_HOME": "data"} {
		t.Setenv(variable, filepath.Join(home, folder))
	}
}

// tryHelm returns all that helm says, warnings of the API server with it.
func (r *release) tryHelm(t *testing.T, args ...string) (string, error) {
	t.Helper()
	answer, said, err := command(t, "", "HELM", append(args, "--namespace", r.namespace)...)
	return answer + "\n" + said, err
}

func (r *release) helm(t *testing.T, args ...string) string {
	t.Helper()
	out, err := r.tryHelm(t, args...)
	if err != nil {
		t.Fatalf("helm %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out
}

// tryKubectl returns the answer, or all that kubectl says when it fails.
func (r *release) tryKubectl(t *testing.T, args ...string) (string, error) {
	t.Helper()
	answer, said, err := command(t, "", "KUBE", append([]string{"kubectl", "--namespace", r.namespace}, args...)...)
	if err != nil {
		return answer + "\n" + said, err
	}
	return answer, nil
}

func (r *release) kubectl(t *testing.T, args ...string) string {
	t.Helper()
	out, err := r.tryKubectl(t, args...)
	if err != nil {
		t.Fatalf("kubectl %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out
}

func (r *release) apply(t *testing.T, objects string) {
	t.Helper()
	if _, said, err := command(t, objects, "KUBE", "kubectl", "--namespace", r.namespace, "apply", "-f", "-"); err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
}

// upgrade changes values of the release and waits until they are in force.
func (r *release) upgrade(t *testing.T, changes ...string) {
	t.Helper()
	r.helm(t, append([]string{"upgrade", "hs", chart, "--reuse-values", "--wait", "--timeout=5m"}, changes...)...)
}

// eventually asks four times a second until the answer is yes.
func eventually(t *testing.T, within time.Duration, what string, ask func() (yes bool, otherwise string)) {
	t.Helper()
	tick := time.NewTicker(250 * time.Millisecond)
	defer tick.Stop()
	end := time.After(within)
	for {
		yes, otherwise := ask()
		if yes {
			return
		}
		select {
		case <-tick.C:
		case <-end:
			t.Fatalf("not within %v: %s; %s", within, what, otherwise)
		}
	}
}
