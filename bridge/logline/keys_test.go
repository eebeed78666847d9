package logline

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const root = "../.."

// A line is a call that writes one, or makes an attribute of one.
type line struct {
	at    token.Position
	said  ast.Expr   // the message; nil for an attribute
	named []ast.Expr // the keys
}

// Every key in the tree is on the list, and no other; every message is a constant.
func TestLinesUseTheKeysThatThereAre(t *testing.T) {
	t.Parallel()
	known, used := keys(), map[string]bool{}
	for _, l := range lines(t) {
		if _, made := l.said.(*ast.CallExpr); made {
			t.Errorf("%s: the message is made at run time; say it in a constant, and the facts in attributes", l.at)
		}
		for _, x := range l.named {
			literal, ok := x.(*ast.BasicLit)
			if !ok {
				if name, ok := x.(*ast.Ident); !ok || name.Name != "suppressedKey" {
					t.Errorf("%s: the key is no literal", l.at)
				}
				continue
			}
			key, err := strconv.Unquote(literal.Value)
			if err != nil {
				t.Fatal(err)
			}
			if used[key] = true; known[key] == "" {
				t.Errorf("%s: the key %q is not on the list in keys.go: take one that is, or say there what it means", l.at, key)
			}
		}
	}
	if len(used) == 0 {
		t.Fatal("no line was found: the walk is wrong")
	}
	for key := range known {
		if !used[key] && key != suppressedKey {
			t.Errorf("the key %q is on the list and no line has it: take it out", key)
		}
	}
}

// lines finds those of the whole module, tests apart.
func lines(t *testing.T) (all []line) {
	t.Helper()
	files := token.NewFileSet()
	for _, top := range []string{"bridge", "sinks", "cmd"} {
		err := filepath.WalkDir(filepath.Join(root, top), func(path string, e fs.DirEntry, err error) error {
			if err != nil || e.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			file, err := parser.ParseFile(files, path, nil, parser.SkipObjectResolution)
			if err != nil {
				return err
			}
			ast.Inspect(file, func(n ast.Node) bool {
				if call, ok := n.(*ast.CallExpr); ok {
					if l, ok := lineOf(call); ok {
						l.at = files.Position(call.Pos())
						all = append(all, l)
					}
				}
				return true
			})
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return all
}

// attributes are the functions of slog that make one.
var attributes = []string{"String", "Int", "Int64", "Uint64", "Any", "Duration", "Bool", "Float64", "Time", "Group"}

// writers are methods of loggers, and where their attributes begin.
var writers = map[string]int{"Debug": 1, "Info": 1, "Warn": 1, "Error": 1, "Log": 3, "LogAttrs": 3, "With": 0}

// lineOf reads a call, if it is one of a logger or of slog.
func lineOf(call *ast.CallExpr) (l line, ok bool) {
	f, ok := call.Fun.(*ast.SelectorExpr)
	if !ok {
		return l, false
	}
	of, name := last(f.X), f.Sel.Name
	first, writes := writers[name]
	switch {
	case of == "slog" && slices.Contains(attributes, name) && len(call.Args) == 2:
		return line{named: call.Args[:1]}, true
	case name == "meddled":
		first = 1
	case !writes || !slices.Contains([]string{"log", "Log", "trouble", "Complaints"}, of):
		return l, false
	case of == "trouble" || of == "Complaints":
		l.said, first = call.Args[0], 2
	case first > 0:
		l.said = call.Args[first-1]
	}
	l.named = keysOf(call.Args[min(first, len(call.Args)):])
	return l, true
}

// last is the name that an expression ends in.
func last(x ast.Expr) string {
	switch x := x.(type) {
	case *ast.Ident:
		return x.Name
	case *ast.SelectorExpr:
		return x.Sel.Name
	}
	return ""
}

// keysOf picks the keys out of attributes that are given in pairs; those that slog's functions
// make are calls of their own.
func keysOf(args []ast.Expr) (found []ast.Expr) {
	for i := 0; i < len(args); i++ {
		switch a := args[i].(type) {
		case *ast.BasicLit:
			found = append(found, a)
			i++ // its value
		case *ast.CallExpr:
			if of, ok := a.Fun.(*ast.Ident); ok && of.Name == "append" {
				if list, ok := a.Args[0].(*ast.CompositeLit); ok {
					found = append(found, keysOf(list.Elts)...)
				}
			}
		}
	}
	return found
}
