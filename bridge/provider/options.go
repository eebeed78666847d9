package provider

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"github.com/hookspan/hookspan/bridge/scheme"
	"github.com/hookspan/hookspan/bridge/spelling"
)

// resolve returns the value of every option, the source's own or the default. An option that
// the provider does not declare is refused, as is a value that it does not allow.
func resolve(declared []Option, given map[string]string) (map[string]string, error) {
	values := map[string]string{}
	for _, o := range declared {
		value, set := given[o.Name]
		if !set {
			value = o.Default
		}
		if len(value) > maxOptionLength {
			return nil, fmt.Errorf("option %s: %d bytes are more than %d", o.Name, len(value), maxOptionLength)
		}
		if value == "" && o.Required {
			return nil, fmt.Errorf("option %s is needed: %s", o.Name, o.Description)
		}
		if len(o.Values) > 0 && value != "" && !slices.Contains(o.Values, value) {
			return nil, fmt.Errorf("option %s: %q is not one of %s", o.Name, value, strings.Join(o.Values, ", "))
		}
		values[o.Name] = value
	}
	for _, name := range slices.Sorted(maps.Keys(given)) {
		if _, known := values[name]; !known {
			return nil, fmt.Errorf("option %s is unknown here; %s", name, taken(name, declared))
		}
	}
	return values, nil
}

// taken says what a provider takes instead of a name that it does not know.
func taken(name string, declared []Option) string {
	if len(declared) == 0 {
		return "the provider takes none"
	}
	names := make([]string, len(declared))
	for i, o := range declared {
		names[i] = o.Name
	}
	return "did you mean " + spelling.Nearest(name, names) + "? There is " + strings.Join(names, ", ")
}

// examples are values with which a file is checked when it is loaded.
func examples(declared []Option) map[string]string {
	values := map[string]string{}
	for _, o := range declared {
		if values[o.Name] = o.Default; o.Default == "" {
			values[o.Name] = o.Example
		}
	}
	return values
}

// expand writes the values of options into a file's ${name}. Options that are secrets are
// not written anywhere; a token names them instead.
func expand(root ast.Node, declared []Option, values map[string]string) error {
	members, err := scheme.Mapping(root)
	if err != nil {
		return err
	}
	e := &expansion{values: maps.Clone(values)}
	for _, o := range declared {
		if o.Secret {
			delete(e.values, o.Name)
		}
	}
	for _, member := range members {
		switch scheme.KeyOf(member) {
		case "samples", "options":
		default:
			ast.Walk(e, member.Value)
		}
	}
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
			e.err = fmt.Errorf("[%d:%d] %s is no option of this provider", at.Line, at.Column, found)
		}
		return value
	})
	return e
}
