// Command mutants takes the rules of the delivery protocol out of the code, one at a time,
// and runs the test that must notice. A rule whose absence nobody notices is not tested, and
// the command fails. Run it from the root of the project: go run .ci/mutants/*.go
package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// A mutant is one rule and the change that takes it out.
type mutant struct {
	rule     string
	file     string
	old, new string
	test     []string // arguments of go test
}

// suite is the dispatcher's whole suite; its model test draws scripts from a fixed seed.
func suite(seed, scripts int) []string {
	return []string{"./bridge/dispatch", fmt.Sprintf("-rapid.seed=%d", seed),
		fmt.Sprintf("-rapid.checks=%d", scripts), "-rapid.nofailfile", "-rapid.shrinktime=0s"}
}

func main() {
	only := flag.String("only", "", "run the mutants whose rule holds this text")
	flag.Parse()
	survivors := 0
	for _, m := range mutants() {
		if !strings.Contains(m.rule, *only) {
			continue
		}
		began := time.Now()
		verdict := m.run()
		fmt.Printf("%-9s %5.1f s  %s\n", verdict, time.Since(began).Seconds(), m.rule)
		if verdict != "noticed" {
			survivors++
		}
	}
	if survivors > 0 {
		fmt.Printf("%d rule(s) can be taken out and nobody notices\n", survivors)
		os.Exit(1)
	}
}

// run builds the test with the change laid over the file and reports what became of it.
func (m *mutant) run() string {
	text, err := os.ReadFile(m.file)
	if err != nil {
		return err.Error()
	}
	if n := bytes.Count(text, []byte(m.old)); n != 1 {
		return fmt.Sprintf("found %d×", n)
	}
	dir, err := os.MkdirTemp("", "mutant-")
	if err != nil {
		return err.Error()
	}
	defer os.RemoveAll(dir)
	changed := filepath.Join(dir, "changed.go")
	overlay := filepath.Join(dir, "overlay.json")
	abs, err := filepath.Abs(m.file)
	if err != nil {
		return err.Error()
	}
	doc, err := json.Marshal(map[string]map[string]string{"Replace": {abs: changed}})
	if err != nil {
		return err.Error()
	}
	if err := os.WriteFile(changed, bytes.Replace(text, []byte(m.old), []byte(m.new), 1), 0o600); err != nil {
		return err.Error()
	}
	if err := os.WriteFile(overlay, doc, 0o600); err != nil {
		return err.Error()
	}
	args := append([]string{"test", "-count=1", "-failfast", "-timeout=150s", "-overlay", overlay}, m.test...)
	out, err := exec.Command("go", args...).CombinedOutput()
	switch {
	case err == nil:
		return "SURVIVED"
	case bytes.Contains(out, []byte("[build failed]")) || bytes.Contains(out, []byte("[setup failed]")):
		return "NO BUILD\n" + string(out)
	case !bytes.Contains(out, []byte("--- FAIL")) && !bytes.Contains(out, []byte("panic:")):
		return "NO TEST\n" + string(out)
	}
	return "noticed"
}
