package test

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

// Of every case Helm 3 makes what Helm 4 makes, and it refuses what Helm 4 refuses, in the same words
// where they are the chart's.
func TestHelm3(t *testing.T) {
	cases := matrix(t)
	for name, c := range refused() {
		cases["refused: "+name] = c.values
	}
	made := byHelm3(t, cases)
	for name, values := range matrix(t) {
		t.Run(name, func(t *testing.T) {
			objects, notes, err := release{values: values}.render(t)
			if err != nil {
				t.Fatal(err)
			}
			r := made[name]
			if r.Error != "" {
				t.Fatal(r.Error)
			}
			older, olderNotes := parts(r.Files)
			differ(t, unrandom(older), unrandom(objects))
			differ(t, olderNotes, notes)
		})
	}
	for name, c := range refused() {
		if r := made["refused: "+name]; !strings.Contains(r.Error, c.says) {
			t.Errorf("%s: %q, want %q", name, r.Error, c.says)
		}
	}
}

type rendered struct {
	Files map[string]string
	Error string
}

func byHelm3(t *testing.T, cases map[string]string) (made map[string]rendered) {
	t.Helper()
	order, err := json.Marshal(map[string]any{"Chart": "../" + dir, "Kubernetes": newest, "Release": "hs", "Namespace": "events", "Values": cases})
	if err != nil {
		t.Fatal(err)
	}
	render := exec.Command("go", "run", ".")
	render.Dir, render.Stdin = "helm3", bytes.NewReader(order)
	var said bytes.Buffer
	render.Stderr = &said
	out, err := render.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, said.String())
	}
	if err := json.Unmarshal(out, &made); err != nil {
		t.Fatal(err)
	}
	return made
}

// differ tells the first line that differs.
func differ(t *testing.T, older, newer string) {
	t.Helper()
	was, is := strings.Split(older, "\n"), strings.Split(newer, "\n")
	for i := range max(len(was), len(is)) {
		a, b := "(no line)", "(no line)"
		if i < len(was) {
			a = was[i]
		}
		if i < len(is) {
			b = is[i]
		}
		if a != b {
			t.Errorf("line %d by Helm 3 is\n%s\nand by Helm 4\n%s", i+1, a, b)
			return
		}
	}
}

// The oldest Helm that the README names is the one of the test, and so is Kubernetes' oldest.
func TestTheReadmeNamesTheOldestHelm(t *testing.T) {
	module, err := os.ReadFile("helm3/go.mod")
	if err != nil {
		t.Fatal(err)
	}
	version := regexp.MustCompile(`helm\.sh/helm/v3 v(3\.\d+)\.`).FindStringSubmatch(string(module))
	if version == nil || !strings.Contains(readme(t), "Helm "+version[1]+" or newer (or 4)") {
		t.Errorf("the README does not name Helm %q", version)
	}
	oldest := regexp.MustCompile(`^>=(1\.\d+)\.0-0$`).FindStringSubmatch(load(t).Metadata.KubeVersion)
	if oldest == nil || !strings.Contains(readme(t), "Kubernetes "+oldest[1]+" or newer") {
		t.Errorf("the README does not name Kubernetes %q", oldest)
	}
}
