package jq

import (
	"slices"

	"github.com/itchyny/gojq"
)

// term compiles a term with what is written behind it. A ? behind an index is about that index alone.
func (c *compiler) term(t *gojq.Term, e env) node {
	if c.depth++; c.depth > maxDepth {
		return c.fault("", "is nested more than %d deep", maxDepth)
	}
	defer func() { c.depth-- }()
	suffixes := t.SuffixList
	optional := func() bool {
		if len(suffixes) == 0 || !suffixes[0].Optional {
			return false
		}
		suffixes = suffixes[1:]
		return true
	}
	var n node
	if t.Type == gojq.TermTypeIndex {
		n = c.index(identity, t.Index, e, optional())
	} else {
		n = c.bare(t, e)
	}
	if len(suffixes) > maxDepth {
		return c.fault("", "is nested more than %d deep", maxDepth)
	}
	for len(suffixes) > 0 {
		s := suffixes[0]
		suffixes = suffixes[1:]
		switch {
		case s.Index != nil:
			n = c.index(n, s.Index, e, optional())
		case s.Iter:
			n = items(n, optional())
		default:
			n = try(n, none)
		}
	}
	return n
}

func (c *compiler) bare(t *gojq.Term, e env) node {
	switch t.Type {
	case gojq.TermTypeIdentity:
		return identity
	case gojq.TermTypeRecurse:
		return recurse(items(identity, true))
	case gojq.TermTypeNull:
		return constant(nil)
	case gojq.TermTypeTrue:
		return constant(true)
	case gojq.TermTypeFalse:
		return constant(false)
	case gojq.TermTypeNumber:
		return constant(written(t.Number))
	case gojq.TermTypeFunc:
		return c.function(t.Func, e)
	case gojq.TermTypeObject:
		return c.object(t.Object, e)
	case gojq.TermTypeArray:
		return c.array(t.Array, e)
	case gojq.TermTypeUnary:
		return c.unary(t.Unary, e)
	case gojq.TermTypeFormat:
		return c.format(t, e)
	case gojq.TermTypeString:
		return c.string(t.Str, toString, e)
	case gojq.TermTypeIf:
		return c.conditional(t.If.Cond, t.If.Then, t.If.Elif, t.If.Else, e)
	case gojq.TermTypeTry:
		return c.try(t.Try, e)
	case gojq.TermTypeReduce:
		return c.reduce(t.Reduce, e)
	case gojq.TermTypeForeach:
		return c.foreach(t.Foreach, e)
	case gojq.TermTypeLabel:
		return c.label(t.Label, e)
	case gojq.TermTypeBreak:
		return c.leave(t.Break, e)
	case gojq.TermTypeQuery:
		return c.query(t.Query, e)
	}
	return c.fault("", "has a part that is not known here")
}

// written is a number of the expression.
func written(text string) any {
	v := number(text)
	if _, is := v.(Literal); is {
		if _, ok := Decode(text); !ok { // as 1.e400, which is none of JSON
			v, _ = float(v)
		}
	}
	return v
}

// index compiles what looks up a part of what a term yields. The key is evaluated where the term is.
func (c *compiler) index(term node, x *gojq.Index, e env, optional bool) node {
	switch {
	case x.Name != "":
		return field(term, x.Name, optional)
	case x.Str != nil && x.Str.Queries == nil:
		return field(term, x.Str.Str, optional)
	case x.Str != nil:
		return part(term, c.string(x.Str, toString, e), optional)
	case !x.IsSlice:
		return part(term, c.query(x.Start, e), optional)
	}
	start, end := constant(nil), constant(nil)
	if x.Start != nil {
		start = c.query(x.Start, e)
	}
	if x.End != nil {
		end = c.query(x.End, e)
	}
	return part(term, slice(start, end), optional)
}

func slice(start, end node) node {
	return node{all: func(m *machine, s *scope, in any, p *path, out sink) error {
		return m.each(start, s, in, func(from any) error {
			return m.each(end, s, in, func(to any) error {
				return out(&Object{[]member{{"end", to}, {"start", from}}}, aside(p))
			})
		})
	}}
}

func field(term node, name string, optional bool) node { return part(term, constant(name), optional) }

func part(term, key node, optional bool) node {
	n := node{all: func(m *machine, s *scope, in any, p *path, out sink) error {
		return m.each(key, s, in, func(k any) error {
			return m.run(term, s, in, p, func(v any, q *path) error { return m.lookup(v, q, k, optional, out) })
		})
	}}
	if term.one != nil && key.one != nil && !optional {
		n.one = func(m *machine, s *scope, in any) (any, error) {
			k, err := m.value(key, s, in)
			if err != nil {
				return nil, err
			}
			v, err := m.value(term, s, in)
			if err != nil {
				return nil, err
			}
			return m.index(v, k)
		}
	}
	return n
}

// lookup hands over a part of a value.
func (m *machine) lookup(v any, p *path, k any, optional bool, out sink) error {
	if p == nowhere {
		return throw(errPath.Error())
	}
	w, err := m.index(v, k)
	if err != nil {
		if _, thrown := err.(*Thrown); thrown && optional {
			return nil
		}
		return err
	}
	return out(w, p.to(k))
}

// items hands over what is in an array or an object.
func items(term node, optional bool) node {
	return node{all: func(m *machine, s *scope, in any, p *path, out sink) error {
		return m.run(term, s, in, p, func(v any, q *path) error { return m.items(v, q, optional, out) })
	}}
}

func (m *machine) items(v any, p *path, optional bool, out sink) error {
	if p == nowhere {
		return throw(errPath.Error())
	}
	n := 0
	switch v := v.(type) {
	case []any:
		n = len(v)
	case *Object:
		n = len(v.members)
	default:
		if optional {
			return nil
		}
		return throw("there is nothing to go through in a value of type " + typeOf(v))
	}
	list, _ := v.([]any)
	o, _ := v.(*Object)
	for i := range n {
		if err := m.spend(1); err != nil {
			return err
		}
		q := p
		var w any
		switch {
		case o == nil:
			if w = list[i]; p != nil {
				q = p.to(i)
			}
		default:
			if w = o.members[i].value; p != nil {
				q = p.to(o.members[i].key)
			}
		}
		if err := out(w, q); err != nil {
			return err
		}
	}
	return nil
}

func (c *compiler) array(a *gojq.Array, e env) node {
	if a.Query == nil {
		return constant([]any{})
	}
	return collect(c.query(a.Query, e))
}

// collect is an array of all outputs.
func collect(n node) node {
	return made(func(m *machine, s *scope, in any) (any, error) { return m.gather(n, s, in) })
}

// An entry is a member of an object that is made. With lookup its value is the input's of that key.
type entry struct {
	key, value node
	lookup     bool
}

func (c *compiler) object(o *gojq.Object, e env) node {
	entries := make([]entry, len(o.KeyVals))
	for i, kv := range o.KeyVals {
		entries[i] = c.entry(kv, e)
	}
	if slices.ContainsFunc(entries, func(x entry) bool { return x.key.one == nil || !x.lookup && x.value.one == nil }) {
		return node{all: func(m *machine, s *scope, in any, p *path, out sink) error {
			return m.fill(entries, make([]member, len(entries)), s, in, func(o *Object) error { return out(o, aside(p)) })
		}}
	}
	return made(func(m *machine, s *scope, in any) (any, error) {
		list := make([]member, len(entries))
		for i := range entries {
			k, err := m.value(entries[i].key, s, in)
			if err != nil {
				return nil, err
			}
			if list[i].key, err = memberName(k); err != nil {
				return nil, err
			}
			if entries[i].lookup {
				list[i].value, err = m.index(in, k)
			} else {
				list[i].value, err = m.value(entries[i].value, s, in)
			}
			if err != nil {
				return nil, err
			}
		}
		return m.object(list)
	})
}

// memberName is what may be a key of an object.
func memberName(k any) (string, error) {
	if name, ok := k.(string); ok {
		return name, nil
	}
	return "", throw("the key of an object is a string, not a value of type " + typeOf(k))
}

// object takes the list over.
func (m *machine) object(list []member) (*Object, error) {
	o := &Object{list}
	o.sort()
	return o, m.make(memberBytes * (len(list) + 1))
}

func (c *compiler) entry(kv *gojq.ObjectKeyVal, e env) entry {
	x := entry{lookup: kv.Val == nil}
	switch {
	case kv.Key != "" && kv.Key[0] == '$':
		x.value, x.lookup = c.variable(kv.Key, e), false
		if x.key = constant(kv.Key[1:]); kv.Val != nil { // {$key: value}
			x.key = x.value
		}
	case kv.Key != "":
		x.key = constant(kv.Key)
	case kv.KeyString != nil:
		x.key = c.string(kv.KeyString, toString, e)
	default:
		x.key = c.query(kv.KeyQuery, e)
	}
	if kv.Val != nil {
		x.value = c.query(kv.Val, e)
	}
	return x
}

// fill makes an object for every combination of keys and values, the last ones changing first.
func (m *machine) fill(entries []entry, filled []member, s *scope, in any, out func(*Object) error) error {
	i := len(filled) - len(entries)
	if len(entries) == 0 {
		o, err := m.object(slices.Clone(filled))
		if err != nil {
			return err
		}
		return out(o)
	}
	return m.each(entries[0].key, s, in, func(k any) error {
		name, err := memberName(k)
		if err != nil {
			return err
		}
		rest := func(v any) error {
			filled[i] = member{name, v}
			return m.fill(entries[1:], filled, s, in, out)
		}
		if !entries[0].lookup {
			return m.each(entries[0].value, s, in, rest)
		}
		v, err := m.index(in, name)
		if err != nil {
			return err
		}
		return rest(v)
	})
}
