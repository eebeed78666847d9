package provider

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"github.com/hookspan/hookspan/bridge/scheme/declaration"
	"github.com/hookspan/hookspan/bridge/spelling"
)

// An OptionError is what is wrong with one option; Detail goes on behind its name.
type OptionError struct{ Name, Detail string }

func (e *OptionError) Error() string { return "option " + e.Name + e.Detail }

// resolve returns the value of every option, the source's own or the default. An option that
// the provider does not declare is refused, as is a value that it does not allow.
func resolve(declared []Option, given map[string]string) (map[string]string, error) {
	for _, name := range slices.Sorted(maps.Keys(given)) { // first, for one that is misspelt may be needed
		if !slices.ContainsFunc(declared, func(o Option) bool { return o.Name == name }) {
			return nil, &OptionError{name, " is unknown here; " + taken(name, declared)}
		}
	}
	values := map[string]string{}
	for _, o := range declared {
		value, set := given[o.Name]
		if !set {
			value = o.Default
		}
		if len(value) > maxOptionLength {
			return nil, &OptionError{o.Name, fmt.Sprintf(": %d bytes are more than %d", len(value), maxOptionLength)}
		}
		if value == "" && o.Required {
			return nil, &OptionError{o.Name, " is needed: " + o.Description}
		}
		if len(o.Values) > 0 && value != "" && !slices.Contains(o.Values, value) {
			return nil, &OptionError{o.Name, fmt.Sprintf(": %q is not one of %s", value, strings.Join(o.Values, ", "))}
		}
		values[o.Name] = value
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
	members, err := declaration.Mapping(root)
	if err != nil {
		return err
	}
	values = maps.Clone(values)
	for _, o := range declared {
		if o.Secret {
			delete(values, o.Name)
		}
	}
	for _, member := range members {
		switch declaration.KeyOf(member) {
		case "samples", "options":
		default:
			if err := declaration.Expand(member.Value, values); err != nil {
				return err
			}
		}
	}
	return nil
}
