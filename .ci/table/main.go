// Command table lays the results of the bus's contract side by side: a row for each clause, a
// column for each bus. A column is LABEL=FILE:TEST,FILE:TEST,…, where FILE is what go test
// -json wrote and TEST a test that runs a suite of the contract:
//
//	go run .ci/table/main.go 'NATS=jetstream.json:TestContract' 'kfake=kafka.json:TestContract'
//
// It fails unless every clause was checked on every bus and kept. A column whose label ends in
// "alone" is a bus that no other process uses: it keeps clauses that the others do not have,
// and those about several processes do not apply to it.
package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strings"
)

// A column is one bus.
type column struct {
	label   string
	files   []string
	results map[string]string // what became of each clause: pass, fail or skip
}

func main() {
	var columns []column
	for _, arg := range os.Args[1:] {
		c, err := newColumn(arg)
		if err != nil {
			fmt.Fprintln(os.Stderr, "table:", err)
			os.Exit(1)
		}
		columns = append(columns, c)
	}
	broken := write(os.Stdout, columns)
	failed, err := explain(os.Stderr, columns)
	if err != nil {
		fmt.Fprintln(os.Stderr, "table:", err)
		os.Exit(1)
	}
	if len(columns) == 0 || broken+failed > 0 {
		fmt.Fprintf(os.Stderr, "table: %d of the cells are not green, %d tests failed\n", broken, failed)
		os.Exit(1)
	}
}

func newColumn(arg string) (column, error) {
	label, suites, _ := strings.Cut(arg, "=")
	c := column{label: label, results: map[string]string{}}
	for suite := range strings.SplitSeq(suites, ",") {
		file, test, ok := strings.Cut(suite, ":")
		if !ok {
			return c, fmt.Errorf("%q is not LABEL=FILE:TEST", arg)
		}
		c.files = append(c.files, file)
		if err := c.read(file, test); err != nil {
			return c, fmt.Errorf("read %s: %w", file, err)
		}
	}
	return c, nil
}

// read takes in the results of one suite.
func (c *column) read(file, test string) error {
	return read(file, func(e event) {
		below, ok := strings.CutPrefix(e.Test, test+"/")
		clause := below[strings.LastIndexByte(below, '/')+1:]
		if ok && numbers.MatchString(clause) && slices.Contains([]string{"pass", "fail", "skip"}, e.Action) {
			c.results[clause] = e.Action
		}
	})
}

// An event is one line that go test -json wrote.
type event struct{ Action, Package, Test, Output string }

func read(file string, each func(event)) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	for lines := json.NewDecoder(f); ; {
		var e event
		if err := lines.Decode(&e); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		each(e)
	}
}

// numbers are the clauses that a test names in front of its words.
var numbers = regexp.MustCompile(`^(?:[A-Z]\d+_(?:to_)?)+`)

// write prints the table and counts the cells that are not green.
func write(w io.Writer, columns []column) (broken int) {
	var clauses []string
	for _, c := range columns {
		for clause := range c.results {
			if !slices.Contains(clauses, clause) {
				clauses = append(clauses, clause)
			}
		}
	}
	slices.SortFunc(clauses, cmp.Compare)
	head, rule := "| clause | |", "|---|---|"
	for _, c := range columns {
		head, rule = head+" "+c.label+" |", rule+"---|"
	}
	fmt.Fprintln(w, head+"\n"+rule)
	for _, clause := range clauses {
		number := numbers.FindString(clause)
		words := func(s string) string { return strings.TrimSpace(strings.ReplaceAll(s, "_", " ")) }
		fmt.Fprintf(w, "| %s | %s |", words(number), words(strings.TrimPrefix(clause, number)))
		for _, c := range columns {
			text, green := c.cell(clause, aloneOnly(columns, clause))
			fmt.Fprintf(w, " %s |", text)
			if !green {
				broken++
			}
		}
		fmt.Fprintln(w)
	}
	return broken
}

func (c *column) alone() bool { return strings.HasSuffix(c.label, "alone") }

// aloneOnly reports whether a clause is one that only a bus has that nobody else uses.
func aloneOnly(columns []column, clause string) bool {
	return !slices.ContainsFunc(columns, func(c column) bool { return !c.alone() && c.results[clause] != "" })
}

// left is the clause that a column leaves to the others; its test says why.
var left = map[string]string{"kfake": "S1_to_S6_members_come,_go,_die_and_hang"}

func (c *column) cell(clause string, aloneOnly bool) (text string, green bool) {
	switch result := c.results[clause]; {
	case result == "pass":
		return "✓", true
	case result == "" && (c.alone() != aloneOnly || left[c.label] == clause):
		return "–", true
	case result == "":
		return "not run", false
	default:
		return result, false
	}
}

// explain prints what every test said that failed, of a clause or not, and counts them.
func explain(w io.Writer, columns []column) (failed int, err error) {
	var files []string
	for _, c := range columns {
		files = append(files, c.files...)
	}
	slices.Sort(files)
	for _, file := range slices.Compact(files) {
		said := map[string]string{}
		if err := read(file, func(e event) {
			test := strings.TrimSpace(e.Package + " " + e.Test)
			said[test] += e.Output
			if e.Action == "fail" {
				fmt.Fprintf(w, "\n%s: %s\n%s", file, test, said[test])
				failed++
			}
		}); err != nil {
			return failed, fmt.Errorf("read %s: %w", file, err)
		}
	}
	return failed, nil
}
