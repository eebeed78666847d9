package infer

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
)

const maxDifferences = 500

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
// that the schema does not name (where it names some and says nothing of others, or allows no others),
// at members that it requires, and at the types of values; references within the schema are followed,
// and of alternatives any counts. At most the first 500 differences are told; more says that there are
// others. An error: the schema is no JSON object.
func Diff(schema []byte, s *Shape) (found []Difference, more bool, err error) {
	var root node
	if err := json.Unmarshal(schema, &root); err != nil {
		return nil, false, fmt.Errorf("read the schema: %w", err)
	}
	d := differ{root: root, views: map[uintptr]view{}}
	d.compare("", []node{root}, &s.root)
	return d.found, d.more, nil
}

// A node is a schema within the schema; nil, which says nothing, for what is no object.
type node map[string]any

func nodeOf(v any) node {
	n, _ := v.(map[string]any)
	return n
}

// id tells nodes apart by where they are.
func (n node) id() uintptr { return reflect.ValueOf(n).Pointer() }

type differ struct {
	root  node
	views map[uintptr]view // of nodes, by id
	found []Difference
	more  bool // than are kept
}

func (d *differ) add(x Difference) {
	if len(d.found) == maxDifferences {
		d.more = true
		return
	}
	d.found = append(d.found, x)
}

// compare holds a place against the nodes of the schema that are about it, and then what is below it,
// in the order of names.
func (d *differ) compare(path string, nodes []node, p *place) {
	if d.more {
		return
	}
	says := d.any(nodes)
	d.compareTypes(path, says, p)
	if p.items != nil && len(says.items) > 0 {
		d.compare(path+"/*", says.items, p.items)
	}
	names := maps.Clone(says.required)
	if names == nil {
		names = map[string]bool{}
	}
	for name := range p.members {
		names[name] = true
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		d.compareMember(path+"/"+escaped(name), name, says, p)
	}
}

func (d *differ) compareMember(path, name string, says view, p *place) {
	m, have := p.members[name], 0
	if m != nil {
		have = m.objects
	}
	// One that is not there may be among those that are not kept.
	if lack := p.of[object] - have; says.required[name] && lack > 0 && (m != nil || !p.crowded) {
		d.add(Difference{
			Path: path, Kind: Missing, Count: lack, Of: p.of[object],
			Detail: fmt.Sprintf("is missing in %d of %d, and the schema requires it", lack, p.of[object]),
		})
	}
	if m == nil {
		return
	}
	if below, named := says.members[name]; named {
		d.compare(path, below, &m.place)
	} else if says.names && !says.takesMore {
		d.add(Difference{
			Path: path, Kind: Undeclared, Arrived: m.types(), Count: have, Of: p.of[object],
			Detail: fmt.Sprintf("arrives in %d of %d, and the schema does not name it", have, p.of[object]),
		})
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

// A view is what a schema says of one place; its maps are shared and never changed.
type view struct {
	types     map[string]bool // nil: any
	members   map[string][]node
	required  map[string]bool
	items     []node
	names     bool // it names members
	takesMore bool // it says what others may be like
}

// any is what alternatives say: whatever one of them allows.
func (d *differ) any(nodes []node) view {
	var v view
	for i, n := range nodes {
		next := d.view(n)
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

// view is what one node says. It is made once, however many ways lead to the node; one that leads to
// itself says nothing more there.
func (d *differ) view(n node) view {
	v, made := d.views[n.id()]
	if !made {
		d.views[n.id()] = view{takesMore: true}
		if n == nil {
			return view{takesMore: true}
		}
		v = d.read(n)
		d.views[n.id()] = v
	}
	return v
}

func (d *differ) read(n node) view {
	v := view{types: typesOf(n["type"])}
	if properties, ok := n["properties"].(map[string]any); ok {
		v.names, v.members = true, map[string][]node{}
		for name, below := range properties {
			v.members[name] = []node{nodeOf(below)}
		}
	}
	if list, ok := n["required"].([]any); ok {
		v.required = setOf(list)
	}
	if items := nodeOf(n["items"]); items != nil && n["prefixItems"] == nil {
		v.items = []node{items}
	}
	switch more := n["additionalProperties"].(type) {
	case map[string]any:
		v.takesMore = true
	case bool:
		v.takesMore, v.names = more, v.names || !more
	}
	v.takesMore = v.takesMore || n["patternProperties"] != nil
	if ref, ok := n["$ref"].(string); ok {
		v.and(d.view(d.resolve(ref)))
	}
	for _, part := range nodesOf(n["allOf"]) {
		v.and(d.view(part))
	}
	for _, keyword := range [...]string{"anyOf", "oneOf"} {
		if parts := nodesOf(n[keyword]); len(parts) > 0 {
			v.and(d.any(parts))
		}
	}
	return v
}

func nodesOf(v any) (nodes []node) {
	list, _ := v.([]any)
	for _, x := range list {
		nodes = append(nodes, nodeOf(x))
	}
	return nodes
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
	if len(o.members) > 0 {
		members := map[string][]node{}
		maps.Copy(members, v.members)
		for name, nodes := range o.members {
			members[name] = distinct(members[name], nodes)
		}
		v.members = members
	}
	v.items = distinct(v.items, o.items)
}

// distinct is the nodes of both, each once.
func distinct(a, b []node) []node {
	if len(a) == 0 {
		return b
	}
	seen := map[uintptr]bool{}
	for _, n := range a {
		seen[n.id()] = true
	}
	all := slices.Clip(a)
	for _, n := range b {
		if !seen[n.id()] {
			all = append(all, n)
		}
	}
	return all
}

// resolve follows a reference within the schema; nil for any other.
func (d *differ) resolve(ref string) node {
	pointer, within := strings.CutPrefix(ref, "#")
	if !within {
		return nil
	}
	n := d.root
	for word := range strings.SplitSeq(strings.TrimPrefix(pointer, "/"), "/") {
		if pointer == "" {
			break
		}
		n = nodeOf(n[strings.NewReplacer("~1", "/", "~0", "~").Replace(word)])
	}
	return n
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
