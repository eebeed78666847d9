package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

const noticed = "noticed"

// built are the test binaries, by package.
type built struct{ tests map[string]string }

// A change is a stretch of a file and what stands there instead.
type change struct {
	from, to int
	text     string
}

// switches let the one change happen that MUTANT names.
const switches = `package %s

import "os"

var mutant = os.Getenv("MUTANT")

func mutantIs(n string) bool { return n == mutant }

func mutantOr[T any](n string, put, as T) T {
	if mutantIs(n) {
		return put
	}
	return as
}
`

// build finds every rule, lays the changes over the files and compiles the tests.
func build(dir string, list []mutant) (*built, error) {
	changes := map[string][]change{}
	folders, tested := map[string]string{}, map[string]bool{}
	var faults []error
	for i := range list {
		m := &list[i]
		file, name, c, err := m.locate(i + 1)
		if err != nil {
			faults = append(faults, fmt.Errorf("rule %q: %w", m.rule, err))
			continue
		}
		folder, _, _ := strings.Cut(m.in, " ")
		folders[folder] = name
		changes[file] = append(changes[file], c)
		tested[cmp.Or(m.tested, folder)] = true
	}
	if len(faults) > 0 {
		return nil, errors.Join(faults...)
	}
	overlay, err := lay(dir, changes, folders)
	if err != nil {
		return nil, err
	}
	b := &built{tests: map[string]string{}}
	for pkg := range tested {
		b.tests[pkg] = filepath.Join(dir, strings.ReplaceAll(pkg, "/", "-")+".test")
		out, err := exec.Command("go", "test", "-c", "-vet=off", "-overlay", overlay, "-o", b.tests[pkg], "./"+pkg).CombinedOutput()
		if err != nil {
			return nil, fmt.Errorf("a change does not compile: %w\n%s", err, out)
		}
	}
	return b, nil
}

func lay(dir string, changes map[string][]change, folders map[string]string) (string, error) {
	replace := map[string]string{}
	write := func(path string, text []byte) error {
		abs, err := filepath.Abs(path)
		if err != nil {
			return err
		}
		replace[abs] = filepath.Join(dir, fmt.Sprintf("%d.go", len(replace)))
		return os.WriteFile(replace[abs], text, 0o600)
	}
	for file, list := range changes {
		text, err := os.ReadFile(file)
		if err != nil {
			return "", err
		}
		slices.SortFunc(list, func(a, b change) int { return b.from - a.from })
		for i, c := range list {
			if i > 0 && c.to > list[i-1].from {
				return "", fmt.Errorf("%s: two rules lie in one another", file)
			}
			text = slices.Concat(text[:c.from], []byte(c.text), text[c.to:])
		}
		if err := write(file, text); err != nil {
			return "", err
		}
	}
	for folder, name := range folders {
		if err := write(filepath.Join(folder, "mutant_switch.go"), fmt.Appendf(nil, switches, name)); err != nil {
			return "", err
		}
	}
	doc, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return "", err
	}
	overlay := filepath.Join(dir, "overlay.json")
	return overlay, os.WriteFile(overlay, doc, 0o600)
}

// locate finds the rule in the code.
func (m *mutant) locate(n int) (file, name string, c change, err error) {
	folder, function, _ := strings.Cut(m.in, " ")
	p, err := parsePattern(m.find)
	if err != nil {
		return "", "", c, err
	}
	files, err := filepath.Glob(filepath.Join(folder, "*.go"))
	if err != nil {
		return "", "", c, err
	}
	for _, path := range files {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		src, err := os.ReadFile(path)
		if err != nil {
			return "", "", c, err
		}
		set := token.NewFileSet()
		f, err := parser.ParseFile(set, path, src, parser.SkipObjectResolution)
		if err != nil {
			return "", "", c, err
		}
		for _, d := range f.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok || functionName(fn) != function || fn.Body == nil {
				continue
			}
			offset := func(at token.Pos) int { return set.Position(at).Offset }
			text := func(n ast.Node) string { return string(src[offset(n.Pos()):offset(n.End())]) }
			found := p.in(fn, text)
			at, err := m.pick(found)
			if err != nil {
				return "", "", c, err
			}
			return path, f.Name.Name, change{offset(at.node.Pos()), offset(at.node.End()), m.switched(strconv.Itoa(n), at, text)}, nil
		}
	}
	return "", "", c, fmt.Errorf("there is no function %s in %s: say where the rule is now", function, folder)
}

func (m *mutant) pick(found []finding) (finding, error) {
	want, of := 1, 1
	if m.nth != "" {
		if _, err := fmt.Sscanf(m.nth, "%d/%d", &want, &of); err != nil {
			return finding{}, fmt.Errorf("nth %q: %w", m.nth, err)
		}
	}
	if len(found) != of {
		return finding{}, fmt.Errorf("%s: %q is there %d times, not %d: say where the rule is now", m.in, m.find, len(found), of)
	}
	return found[want-1], nil
}

// functionName is "f", or "T.f" for a method.
func functionName(f *ast.FuncDecl) string {
	if f.Recv == nil || len(f.Recv.List) == 0 {
		return f.Name.Name
	}
	t := f.Recv.List[0].Type
	if star, ok := t.(*ast.StarExpr); ok {
		t = star.X
	}
	if generic, ok := t.(*ast.IndexExpr); ok {
		t = generic.X
	}
	if id, ok := t.(*ast.Ident); ok {
		return id.Name + "." + f.Name.Name
	}
	return f.Name.Name
}

var holes = regexp.MustCompile(`\b_[a-z]\w*`)

// switched is the code that does the one or the other.
func (m *mutant) switched(n string, at finding, text func(ast.Node) string) string {
	put := holes.ReplaceAllStringFunc(m.put, func(name string) string {
		if node := at.holes[name]; node != nil {
			return text(node)
		}
		return name
	})
	is, as := fmt.Sprintf("mutantIs(%q)", n), text(at.node)
	switch node := at.node.(type) {
	case ast.Expr:
		if truth(node) || put == "true" || put == "false" {
			return fmt.Sprintf("(%s && (%s) || !%s && (%s))", is, put, is, as)
		}
		return fmt.Sprintf("mutantOr(%q, %s, %s)", n, put, as)
	case *ast.AssignStmt:
		if node.Tok == token.DEFINE {
			return fmt.Sprintf("%s\nif %s {\n%s\n}", as, is, put)
		}
	case *ast.BlockStmt:
		return fmt.Sprintf("{\nif %s {\n%s\n} else %s\n}", is, put, as)
	}
	return fmt.Sprintf("if %s {\n%s\n} else {\n%s\n}", is, put, as)
}

// truth reports an expression that is a boolean by its form.
func truth(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.BinaryExpr:
		switch e.Op {
		case token.LAND, token.LOR, token.EQL, token.NEQ, token.LSS, token.LEQ, token.GTR, token.GEQ:
			return true
		}
	case *ast.UnaryExpr:
		return e.Op == token.NOT
	}
	return false
}

// sound runs the tests with every rule in its place.
func (b *built) sound(list []mutant) error {
	tests := map[string][]string{}
	for i := range list {
		folder, _, _ := strings.Cut(list[i].in, " ")
		pkg := cmp.Or(list[i].tested, folder)
		tests[pkg] = append(tests[pkg], list[i].tests)
	}
	for pkg, names := range tests {
		if out, err := b.command(pkg, "", "-test.run", strings.Join(slices.Compact(slices.Sorted(slices.Values(names))), "|")).CombinedOutput(); err != nil {
			return fmt.Errorf("the tests of %s fail with every rule in its place: %w\n%s", pkg, err, out)
		}
	}
	return nil
}

func (b *built) command(pkg, mutant string, args ...string) *exec.Cmd {
	c := exec.Command(b.tests[pkg], append(args, "-test.timeout=60s")...)
	c.Dir, c.Env = pkg, append(os.Environ(), "MUTANT="+mutant)
	return c
}

// try runs the tests without a rule and reports what became of it.
func (b *built) try(n int, m *mutant) string {
	folder, _, _ := strings.Cut(m.in, " ")
	out, err := b.command(cmp.Or(m.tested, folder), strconv.Itoa(n), "-test.run", m.tests, "-test.failfast").CombinedOutput()
	switch {
	case bytes.Contains(out, []byte("no tests to run")):
		return "NO TEST"
	case err == nil:
		return "SURVIVED"
	case !bytes.Contains(out, []byte("--- FAIL")) && !bytes.Contains(out, []byte("panic:")):
		return "NO TEST\n" + string(out)
	}
	return noticed
}
