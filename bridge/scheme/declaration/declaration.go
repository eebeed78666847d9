// Package declaration reads what files declare: YAML nodes, strictly, with the values of options
// filled in.
package declaration

import (
	"bytes"
	"fmt"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
)

// A List is one string or several.
type List []string

// UnmarshalYAML takes a scalar for a list of one.
func (l *List) UnmarshalYAML(node ast.Node) error {
	if _, ok := node.(*ast.SequenceNode); ok {
		return DecodeNode(node, (*[]string)(l))
	}
	var one string
	if err := DecodeNode(node, &one); err != nil {
		return err
	}
	*l = List{one}
	return nil
}

// A Duration is written as in Go: 5m.
type Duration time.Duration

// UnmarshalYAML refuses what time.ParseDuration refuses, and what is not positive.
func (d *Duration) UnmarshalYAML(node ast.Node) error {
	var text string
	if err := DecodeNode(node, &text); err != nil {
		return err
	}
	parsed, err := time.ParseDuration(text)
	if err != nil || parsed <= 0 {
		at := node.GetToken().Position
		return fmt.Errorf("[%d:%d] %q is not a positive duration such as 5m", at.Line, at.Column, text)
	}
	*d = Duration(parsed)
	return nil
}

// Mapping returns the members of a YAML map.
func Mapping(node ast.Node) ([]*ast.MappingValueNode, error) {
	switch n := node.(type) {
	case *ast.MappingNode:
		return n.Values, nil
	case *ast.MappingValueNode:
		return []*ast.MappingValueNode{n}, nil
	default:
		at := node.GetToken().Position
		return nil, fmt.Errorf("[%d:%d] a map is needed here", at.Line, at.Column)
	}
}

// KeyOf is a member's name without the quotes that JSON, for one, puts around it.
func KeyOf(member *ast.MappingValueNode) string { return member.Key.GetToken().Value }

func DecodeNode(node ast.Node, to any) error {
	return yaml.NewDecoder(&bytes.Buffer{}, yaml.Strict()).DecodeFromNode(node, to)
}
