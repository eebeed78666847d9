// Command mutants takes the rules of the delivery protocol out of the code, one at a time, and
// runs the tests that must notice. A rule whose absence nobody notices is not tested, and one
// that is not found in the code any more is not looked after: both fail the command. Run it
// from the root of the project: go run .ci/mutants/*.go
//
// All changes are compiled into one test binary of each package, which does the one that MUTANT
// names. So a rule costs the run of a test, and no build.
package main

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"time"
)

// A mutant is one rule and the change that takes it out. It is found by the function that holds
// the rule and by the form of the code there, in which a name that begins with _ stands for any
// expression: what variables are called and in which file the function is does not matter.
type mutant struct {
	rule   string
	in     string // package and function: "bridge/dispatch turn.own"
	find   string // an expression or a statement
	nth    string // "2/3": the second of three; else there must be one
	put    string // what stands in its place; nothing: the statement goes
	tests  string // of the package tested
	tested string // package; default that of the function
}

func main() {
	only := flag.String("only", "", "run the mutants whose rule holds this text")
	flag.Parse()
	err := fmt.Errorf("%q says nothing here: -only TEXT chooses mutants", flag.Args())
	if flag.NArg() == 0 {
		err = run(*only)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(only string) error {
	list := mutants()
	if !slices.ContainsFunc(list, func(m mutant) bool { return strings.Contains(m.rule, only) }) {
		return fmt.Errorf("-only %q: none of the %d rules holds this text", only, len(list))
	}
	dir, err := os.MkdirTemp("", "mutants-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	began := time.Now()
	b, err := build(dir, list)
	if err != nil {
		return err
	}
	fmt.Printf("%d rules found, %d packages built in %.0f s\n", len(list), len(b.tests), time.Since(began).Seconds())
	if err := b.sound(list); err != nil {
		return err
	}
	var mu sync.Mutex
	var working sync.WaitGroup
	slots := make(chan struct{}, 2)
	failed := 0
	for i := range list {
		m := &list[i]
		if !strings.Contains(m.rule, only) {
			continue
		}
		slots <- struct{}{}
		working.Go(func() {
			defer func() { <-slots }()
			began := time.Now()
			verdict := b.try(i+1, m)
			mu.Lock()
			defer mu.Unlock()
			fmt.Printf("%-9s %5.1f s  %s\n", verdict, time.Since(began).Seconds(), m.rule)
			if verdict != noticed {
				failed++
			}
		})
	}
	working.Wait()
	if failed > 0 {
		return fmt.Errorf("%d rule(s) can be taken out and nobody notices", failed)
	}
	return nil
}
