//go:build cluster

package cluster

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const (
	next     = "next-hookspan"                  // what the objects of the new release are named by
	steps    = "\n## Beginning with a backup\n" // in the chart's README
	toServer = "kubectl exec -i NEW-NAME-0 -- /hookspan restore - --timeout 2m < hookspan.backup"
)

// carry has a new release on an embedded bus begin with the backup of this one, by the commands of
// the README as they stand there: from a single pod to a cluster, or from a cluster to a single pod.
// All that was answered 2xx before the backup is delivered, and nothing twice. It takes the new
// release away again.
func (r *release) carry(t *testing.T) {
	if !r.embedded() {
		return
	}
	kind := "embedded-cluster"
	if r.shared() {
		kind = "embedded"
	}
	do := r.described(t, kind)
	commands := commandsOf(t, steps)
	if len(commands) != 11 || commands[6] != toServer {
		t.Fatalf("the README has other steps: %q", commands)
	}
	r.traffic.setAway(true)
	eventually(t, 30*time.Second, "the Service leads to the pods that there are", func() (bool, string) { // some were replaced a moment ago
		err := r.traffic.one(r.intake("shop"))
		return err == nil, fmt.Sprint(err)
	})
	for range 20 {
		if err := r.traffic.one(r.intake("shop")); err != nil {
			t.Error(err)
		}
	}
	for _, command := range commands[:6] { // until the new release's pods wait for the file
		do(command)
	}
	again := r.traffic.again()
	if out := do("head -c 1000 hookspan.backup > half; ! " + strings.Replace(toServer, "hookspan.backup", "half", 1)); !strings.Contains(out, "the backup is cut off") {
		t.Errorf("half of the file: %s", out)
	}
	if out := do(commands[6]); !strings.Contains(out, "It was restored") {
		t.Errorf("restore says: %s", out)
	}
	if out := do("! " + toServer); !strings.Contains(out, "the bus is not empty") {
		t.Errorf("restored once more: %s", out)
	}
	for _, command := range commands[7:9] {
		do(command)
	}
	if left := do("kubectl exec " + next + "-0 -- /hookspan endpoints list"); !strings.Contains(left, "crm") {
		t.Errorf("endpoints after the restore: %s", left)
	}
	r.traffic.setAway(false)
	r.traffic.settle(t)
	eventually(t, 30*time.Second, "the new release takes webhooks", func() (bool, string) {
		err := r.traffic.one(r.intakeOf(next, "shop"))
		return err == nil, fmt.Sprint(err)
	})
	if err := r.traffic.send(r.intakeOf(next, "shop"), r.traffic.delivered()); err != nil { // its sender repeats it
		t.Error(err)
	}
	r.traffic.settle(t)
	if now := r.traffic.again(); now != again {
		t.Errorf("%d deliveries were made again", now-again)
	}
	for _, command := range commands[9:] {
		do(command)
	}
}

// commandsOf are those of a section of the README, in order.
func commandsOf(t *testing.T, title string) (commands []string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(chart, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(text), title)
	section, _, _ = strings.Cut(section, "\n## ")
	for line := range strings.Lines(section) {
		if command, ok := strings.CutPrefix(strings.TrimSpace(line), "$ "); ok {
			commands = append(commands, command)
		}
	}
	return commands
}

// described returns what runs a command of the README: as somebody would who looks at the namespace
// and has filled in the names. It returns all that the command says.
func (r *release) described(t *testing.T, kind string) func(command string) string {
	t.Helper()
	at, err := filepath.Abs(chart)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name, call := range map[string]string{"helm": `"$HELM"`, "kubectl": `"$KUBE" kubectl`} {
		script := fmt.Sprintf("#!/bin/sh\nexec %s --namespace %s \"$@\"\n", call, r.namespace)
		if err := os.WriteFile(filepath.Join(dir, name), []byte(script), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	fill := strings.NewReplacer(
		"charts/hookspan", at, "bus.kind=embedded-cluster", "bus.kind="+kind,
		"NEW-NAME", next, "KIND/NAME", r.workload(), "NAME", "hs-hookspan", "OLD", "hs", "NEW", "next",
	)
	return func(command string) string {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), "bash", "-euo", "pipefail", "-c", fill.Replace(command))
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "PATH="+dir+":"+os.Getenv("PATH"))
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%s: %v\n%s", command, err, out)
		}
		return string(out)
	}
}
