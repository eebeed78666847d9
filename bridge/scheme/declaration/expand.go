package declaration

import (
	"fmt"
	"regexp"

	"github.com/goccy/go-yaml/ast"
)

// Expand writes the values of options into the ${name} of a file's texts.
func Expand(node ast.Node, values map[string]string) error {
	e := &expansion{values: values}
	ast.Walk(e, node)
	return e.err
}

type expansion struct {
	values map[string]string
	err    error
}

var reference = regexp.MustCompile(`\$\{([a-z0-9_]*)\}`)

// Visit expands the texts of one node.
func (e *expansion) Visit(node ast.Node) ast.Visitor {
	text, ok := node.(*ast.StringNode)
	if !ok {
		return e
	}
	text.Value = reference.ReplaceAllStringFunc(text.Value, func(found string) string {
		value, known := e.values[found[2:len(found)-1]]
		if !known && e.err == nil {
			at := text.GetToken().Position
			e.err = fmt.Errorf("[%d:%d] %s is no option here", at.Line, at.Column, found)
		}
		return value
	})
	return e
}
