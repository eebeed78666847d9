package provider

import (
	"fmt"

	"github.com/goccy/go-yaml/ast"

	"github.com/hookspan/hookspan/bridge/scheme/declaration"
)

// like reads which provider a file builds on; "" is none.
func like(root ast.Node) (name string, err error) {
	err = decodeSection(root, "like", &name)
	return name, err
}

// overlay puts what a file says over what the provider it builds on says. A section replaces
// the whole section, but event is merged member by member.
func overlay(base, own ast.Node) error {
	into, ok := base.(*ast.MappingNode)
	if !ok {
		return fmt.Errorf("like: the provider that is built on is no map of sections")
	}
	members, err := declaration.Mapping(own)
	if err != nil {
		return err
	}
	for _, member := range members {
		place := memberOf(into, declaration.KeyOf(member))
		switch {
		case place == nil:
			into.Values = append(into.Values, member)
		case declaration.KeyOf(member) == "event":
			if err := overlay(place.Value, member.Value); err != nil {
				return err
			}
		default:
			place.Value = member.Value
		}
	}
	return nil
}

func memberOf(m *ast.MappingNode, name string) *ast.MappingValueNode {
	for _, member := range m.Values {
		if declaration.KeyOf(member) == name {
			return member
		}
	}
	return nil
}

// head is what must be known of a file before the rest of it can be read.
type head struct {
	Options []Option
	With    map[string]string
}

// declaredOptions returns a file's options, with the defaults that it changes.
func declaredOptions(root ast.Node) ([]Option, error) {
	var h head
	if err := decodeSection(root, "options", &h.Options); err != nil {
		return nil, err
	}
	if err := decodeSection(root, "with", &h.With); err != nil {
		return nil, err
	}
	for i := range h.Options {
		o := &h.Options[i]
		if value, changed := h.With[o.Name]; changed {
			o.Default = value
			delete(h.With, o.Name)
		}
	}
	for name := range h.With {
		return nil, fmt.Errorf("with: %s is no option here; %s", name, taken(name, h.Options))
	}
	return h.Options, nil
}
