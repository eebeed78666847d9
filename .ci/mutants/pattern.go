package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"reflect"
	"strings"
)

// A pattern is an expression or a statement with holes.
type pattern struct{ node ast.Node }

// parsePattern reads a pattern: an expression if it is one, else a statement.
func parsePattern(text string) (pattern, error) {
	if e, err := parser.ParseExpr(text); err == nil {
		return pattern{e}, nil
	}
	f, err := parser.ParseFile(token.NewFileSet(), "", "package p\nfunc _() {\n"+text+"\n}", parser.SkipObjectResolution)
	if err != nil {
		return pattern{}, fmt.Errorf("pattern %q: %w", text, err)
	}
	body := f.Decls[0].(*ast.FuncDecl).Body.List
	if len(body) != 1 {
		return pattern{}, fmt.Errorf("pattern %q: want one statement", text)
	}
	return pattern{body[0]}, nil
}

// A finding is a place that a pattern matches.
type finding struct {
	node  ast.Node
	holes map[string]ast.Node
}

// in lists the places in a function, in order. A call as a statement is one place, not two.
func (p pattern) in(f *ast.FuncDecl, text func(ast.Node) string) (found []finding) {
	ast.Inspect(f.Body, func(n ast.Node) bool {
		if n == nil {
			return true
		}
		if s, ok := n.(*ast.ExprStmt); ok {
			m := matcher{text: text, holes: map[string]ast.Node{}}
			if m.same(reflect.ValueOf(p.node), reflect.ValueOf(s.X)) {
				found = append(found, finding{s, m.holes})
				return false
			}
		}
		m := matcher{text: text, holes: map[string]ast.Node{}}
		if m.same(reflect.ValueOf(p.node), reflect.ValueOf(n)) {
			found = append(found, finding{n, m.holes})
		}
		return true
	})
	return found
}

type matcher struct {
	text  func(ast.Node) string
	holes map[string]ast.Node
}

var (
	positions = reflect.TypeFor[token.Pos]()
	objects   = reflect.TypeFor[*ast.Object]()
	comments  = reflect.TypeFor[*ast.CommentGroup]()
)

// same compares two syntax trees without their places. A statement ___ is any rest of a block.
func (m *matcher) same(want, have reflect.Value) bool {
	for want.Kind() == reflect.Interface {
		want = want.Elem()
	}
	for have.Kind() == reflect.Interface {
		have = have.Elem()
	}
	if !want.IsValid() || !have.IsValid() {
		return want.IsValid() == have.IsValid()
	}
	if hole, ok := holeOf(want); ok {
		e, ok := have.Interface().(ast.Expr)
		if !ok {
			return false
		}
		if was := m.holes[hole]; was != nil {
			return m.text(was) == m.text(e)
		}
		m.holes[hole] = e
		return true
	}
	if want.Type() != have.Type() {
		return false
	}
	switch want.Kind() {
	case reflect.Pointer:
		if want.IsNil() || have.IsNil() {
			return want.IsNil() == have.IsNil()
		}
		return m.same(want.Elem(), have.Elem())
	case reflect.Slice:
		return m.sameList(want, have)
	case reflect.Struct:
		for i := range want.NumField() {
			switch want.Field(i).Type() {
			case positions, objects, comments:
				continue
			}
			if !m.same(want.Field(i), have.Field(i)) {
				return false
			}
		}
		return true
	}
	return want.Interface() == have.Interface()
}

func (m *matcher) sameList(want, have reflect.Value) bool {
	for i := range want.Len() {
		if s, ok := want.Index(i).Interface().(*ast.ExprStmt); ok {
			if id, ok := s.X.(*ast.Ident); ok && id.Name == "___" {
				return true
			}
		}
		if i >= have.Len() || !m.same(want.Index(i), have.Index(i)) {
			return false
		}
	}
	return want.Len() == have.Len()
}

func holeOf(v reflect.Value) (string, bool) {
	if v.Kind() != reflect.Pointer || v.IsNil() {
		return "", false
	}
	id, ok := v.Interface().(*ast.Ident)
	return nameOf(id), ok && len(id.Name) > 1 && strings.HasPrefix(id.Name, "_")
}

func nameOf(id *ast.Ident) string {
	if id == nil {
		return ""
	}
	return id.Name
}
