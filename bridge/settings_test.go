package bridge_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/hookspan/hookspan/bridge/endpoint"
	"github.com/hookspan/hookspan/bridge/receiver"
	"github.com/hookspan/hookspan/bridge/setting"
)

// doors are the folders through which settings come in and are shown. They know declarations, and
// of settings by name only those that they mean something by.
func doors() []string {
	return []string{"setting", "config", "admin", "app", "../cmd/hookspan/client", "../cmd/hookspan/server", "../cmd/hookspan/request"}
}

// most is how many settings of one thing a function there may name: more is a list by hand, which
// somebody who adds a setting has to find.
const most = 5

func TestNothingListsSettingsByHand(t *testing.T) {
	t.Parallel()
	for thing, settings := range map[string]setting.Fields{"an endpoint": endpoint.Fields(), "a source": receiver.Fields()} {
		for _, folder := range doors() {
			files, err := filepath.Glob(filepath.Join(folder, "*.go"))
			if err != nil || len(files) == 0 {
				t.Fatalf("%s: no files, %v", folder, err)
			}
			for _, file := range files {
				if !strings.HasSuffix(file, "_test.go") {
					listed(t, file, thing, settings)
				}
			}
		}
	}
}

// listed complains of functions that name many settings: as words, or as fields.
func listed(t *testing.T, file, thing string, settings setting.Fields) {
	t.Helper()
	fset := token.NewFileSet()
	parsed, err := parser.ParseFile(fset, file, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, decl := range parsed.Decls {
		words, fields := map[string]bool{}, map[string]bool{}
		ast.Inspect(decl, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.BasicLit:
				text, _ := strconv.Unquote(n.Value)
				if _, is := settings.Find(strings.ToLower(text)); is {
					words[strings.ToLower(text)] = true
				}
			case *ast.SelectorExpr:
				for _, s := range settings {
					if n.Sel.Name == s.Name {
						fields[s.Name] = true
					}
				}
			}
			return true
		})
		if len(words) > most || len(fields) > most {
			t.Errorf("%s names settings of %s by hand: %v %v; read their declarations", fset.Position(decl.Pos()), thing, words, fields)
		}
	}
}
