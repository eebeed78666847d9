package infer

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

const (
	maxDifferences = 500
	maxReferences  = 32 // one behind another
)

// A Kind says how what arrived is not what was declared; a closed set.
type Kind string

const (
	Undeclared Kind = "undeclared" // it arrives, and the schema does not name it
	Missing    Kind = "missing"    // the schema requires it, and it is not always there
	OtherType  Kind = "type"       // values have types that the schema does not allow
)

// A Difference is one way in which what arrived is not what was declared.
type Difference struct {
	Path     string   `json:"path"` // a JSON pointer in which * is any item of an array; "" is the whole
	Kind     Kind     `json:"kind"`
	Declared []string `json:"declared,omitempty"` // types
	Arrived  []string `json:"arrived,omitempty"`  // types
	Count    int      `json:"count"`              // of how many values it is true
	Of       int      `json:"of"`                 // that were there
	Detail   string   `json:"detail"`             // the same in words
}

// Diff is how the documents of a Shape are not what a JSON Schema says, by path. It looks at members
// that the schema does not name (where it names some and says nothing of others), at members that it
// requires, and at the types of values; references within the schema are followed, and of
// alternatives any counts. At most the first 500 differences are told. An error: the schema is no JSON
// object.
func Diff(schema []byte, s *Shape) ([]Difference, error) {
	var root map[string]any
	if err := json.Unmarshal(schema, &root); err != nil {
		return nil, fmt.Errorf("read the schema: %w", err)
	}
	d := differ{root: root}
	d.compare("", []any{root}, &s.root)
	slices.SortFunc(d.found, func(a, b Difference) int {
		return cmp.Or(strings.Compare(a.Path, b.Path), strings.Compare(string(a.Kind), string(b.Kind)))
	})
	return d.found, nil
}

type differ struct {
	root  map[string]any
	found []Difference
}

func (d *differ) add(x Difference) {
	if len(d.found) < maxDifferences {
		d.found = append(d.found, x)
	}
}

// compare holds a place against the nodes of the schema that are about it.
func (d *differ) compare(path string, nodes []any, p *place) {
	says := d.any(nodes, 0)
	d.compareTypes(path, says, p)
	for name, m := range p.members {
		below, named := says.members[name]
		at := path + "/" + escaped(name)
		switch {
		case named:
			d.compare(at, below, &m.place)
		case says.names && !says.takesMore:
			d.add(Difference{
				Path: at, Kind: Undeclared, Arrived: m.types(), Count: m.objects, Of: p.of[object],
				Detail: fmt.Sprintf("arrives in %d of %d, and the schema does not name it", m.objects, p.of[object]),
			})
		}
	}
	for name := range says.required {
		have := 0
		if m := p.members[name]; m != nil {
			have = m.objects
		} else if p.crowded {
			continue // it may be among those that are not kept
		}
		if lack := p.of[object] - have; lack > 0 {
			d.add(Difference{
				Path: path + "/" + escaped(name), Kind: Missing, Count: lack, Of: p.of[object],
				Detail: fmt.Sprintf("is missing in %d of %d, and the schema requires it", lack, p.of[object]),
			})
		}
	}
	if p.items != nil && len(says.items) > 0 {
		d.compare(path+"/*", says.items, p.items)
	}
}

func (d *differ) compareTypes(path string, says view, p *place) {
	if says.types == nil {
		return
	}
	x := Difference{Path: path, Kind: OtherType, Of: p.values}
	for k := null; k < jsonTypes; k++ {
		if p.of[k] > 0 && !says.types[words[k]] && !(k == integer && says.types["number"]) {
			x.Arrived = append(x.Arrived, words[k])
			x.Count += p.of[k]
		}
	}
	if x.Count == 0 {
		return
	}
	for _, word := range words {
		if says.types[word] {
			x.Declared = append(x.Declared, word)
		}
	}
	allowed := cmp.Or(strings.Join(x.Declared, " or "), "nothing")
	x.Detail = fmt.Sprintf("is %s in %d of %d, and the schema says %s", strings.Join(x.Arrived, " or "), x.Count, x.Of, allowed)
	d.add(x)
}

func escaped(name string) string {
	return strings.NewReplacer("~", "~0", "/", "~1").Replace(name)
}

// A view is what a schema says of one place.
type view struct {
	types     map[string]bool // nil: any
	members   map[string][]any
	required  map[string]bool
	items     []any
	names     bool // it names members
	takesMore bool // it says what others may be like
}

// any is what alternatives say: whatever one of them allows.
func (d *differ) any(nodes []any, depth int) view {
	var v view
	for i, n := range nodes {
		next := d.view(n, depth)
		if i == 0 {
			v = next
			continue
		}
		if v.types == nil || next.types == nil {
			v.types = nil
		} else {
			v.types = union(v.types, next.types)
		}
		v.required = intersection(v.required, next.required)
		v.names, v.takesMore = v.names && next.names, v.takesMore || next.takesMore
		v.join(next)
	}
	return v
}

// view is what one node says.
func (d *differ) view(node any, depth int) view {
	n, _ := node.(map[string]any)
	if n == nil || depth > maxReferences {
		return view{takesMore: true}
	}
	v := view{types: typesOf(n["type"])}
	if properties, ok := n["properties"].(map[string]any); ok {
		v.names, v.members = true, map[string][]any{}
		for name, below := range properties {
			v.members[name] = []any{below}
		}
	}
	if list, ok := n["required"].([]any); ok {
		v.required = setOf(list)
	}
	if items, ok := n["items"].(map[string]any); ok && n["prefixItems"] == nil {
		v.items = []any{items}
	}
	_, more := n["additionalProperties"].(map[string]any)
	v.takesMore = more || n["patternProperties"] != nil
	if ref, ok := n["$ref"].(string); ok {
		v.and(d.view(d.resolve(ref), depth+1))
	}
	all, _ := n["allOf"].([]any)
	for _, part := range all {
		v.and(d.view(part, depth+1))
	}
	for _, keyword := range [...]string{"anyOf", "oneOf"} {
		if parts, _ := n[keyword].([]any); len(parts) > 0 {
			v.and(d.any(parts, depth+1))
		}
	}
	return v
}

// and adds what else has to be true.
func (v *view) and(o view) {
	switch {
	case v.types == nil:
		v.types = o.types
	case o.types != nil:
		v.types = intersection(v.types, o.types)
	}
	v.required = union(v.required, o.required)
	v.names, v.takesMore = v.names || o.names, v.takesMore || o.takesMore
	v.join(o)
}

// join takes over what is said of members and items, which counts as alternatives then.
func (v *view) join(o view) {
	for name, nodes := range o.members {
		if v.members == nil {
			v.members = map[string][]any{}
		}
		v.members[name] = slices.Concat(v.members[name], nodes)
	}
	v.items = slices.Concat(v.items, o.items)
}

// resolve follows a reference within the schema; nil for any other.
func (d *differ) resolve(ref string) any {
	pointer, within := strings.CutPrefix(ref, "#")
	if !within {
		return nil
	}
	var node any = d.root
	for word := range strings.SplitSeq(strings.TrimPrefix(pointer, "/"), "/") {
		if pointer == "" {
			break
		}
		n, _ := node.(map[string]any)
		node = n[strings.NewReplacer("~1", "/", "~0", "~").Replace(word)]
	}
	return node
}

func typesOf(v any) map[string]bool {
	switch t := v.(type) {
	case string:
		return map[string]bool{t: true}
	case []any:
		return setOf(t)
	}
	return nil
}

func setOf(list []any) map[string]bool {
	set := map[string]bool{}
	for _, x := range list {
		if word, ok := x.(string); ok {
			set[word] = true
		}
	}
	return set
}

func union(a, b map[string]bool) map[string]bool {
	all := map[string]bool{}
	for _, set := range [...]map[string]bool{a, b} {
		for word := range set {
			all[word] = true
		}
	}
	return all
}

func intersection(a, b map[string]bool) map[string]bool {
	both := map[string]bool{}
	for word := range a {
		if b[word] {
			both[word] = true
		}
	}
	return both
}
