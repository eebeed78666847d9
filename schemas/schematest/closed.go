package schematest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// Closed lists the values of a closed set: the constants of a type in the package of the test.
func Closed(t testing.TB, of string) (values []string) {
	t.Helper()
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(parsed, func(n ast.Node) bool {
			spec, ok := n.(*ast.ValueSpec)
			if !ok || len(spec.Values) == 0 {
				return true
			}
			name, typed := spec.Type.(*ast.Ident)
			text, literal := spec.Values[0].(*ast.BasicLit)
			if typed && literal && name.Name == of {
				value, _ := strconv.Unquote(text.Value) // the parser has read it
				values = append(values, value)
			}
			return true
		})
	}
	if len(values) == 0 {
		t.Fatalf("no constants of type %s", of)
	}
	return values
}

// Enum holds the values that a schema gives a property against those that there are, or writes
// them. path is that of the schema below the folder schemas, as seen from two folders below bridge.
func Enum(t testing.TB, write bool, path, property string, values []string) {
	t.Helper()
	path = filepath.Join("../../schemas", path)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	list := regexp.MustCompile(`\n    "` + property + `": \{[^{}]*"enum": \[([^\]]*)\]`).FindSubmatchIndex(text)
	if list == nil {
		t.Fatalf("%s has no %s of a closed set", path, property)
	}
	from, to := list[2], list[3]
	var have []string
	for _, word := range strings.Split(string(text[from:to]), ",") {
		value, err := strconv.Unquote(strings.TrimSpace(word))
		if err != nil {
			t.Fatalf("%s: %s: %q is no text", path, property, word)
		}
		have = append(have, value)
	}
	if slices.Equal(slices.Sorted(slices.Values(have)), slices.Sorted(slices.Values(values))) {
		return
	}
	if !write {
		t.Errorf("%s: %s may be %v, there is %v; run the test with -update", path, property, have, values)
		return
	}
	enum := "\n        " + strings.Join(quoted(values), ",\n        ") + "\n      "
	if err := os.WriteFile(path, slices.Concat(text[:from], []byte(enum), text[to:]), 0o644); err != nil {
		t.Fatal(err)
	}
}

func quoted(values []string) (list []string) {
	for _, value := range values {
		list = append(list, strconv.Quote(value))
	}
	return list
}
