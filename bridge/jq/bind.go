package jq

import (
	"slices"
	"strings"

	"github.com/itchyny/gojq"
)

// A binding takes a value apart into variables, by the first of its patterns that serves.
type binding struct {
	names    []string
	patterns []*pattern
}

// A pattern is a variable, or takes an array or an object apart.
type pattern struct {
	slot    int // of the variable; -1: none
	items   []*pattern
	members []memberPattern
}

type memberPattern struct {
	key  node
	slot int // of a variable with the member's value; -1: none
	sub  *pattern
}

// binding compiles patterns; the names are in the env that it returns.
func (c *compiler) binding(patterns []*gojq.Pattern, e env) (*binding, env) {
	b := &binding{}
	for _, p := range patterns {
		b.patterns = append(b.patterns, c.pattern(p, b, e))
	}
	for _, name := range b.names {
		e = e.with(name)
	}
	return b, e
}

func (b *binding) slot(name string) int {
	if i := slices.Index(b.names, name); i >= 0 {
		return i
	}
	b.names = append(b.names, name)
	return len(b.names) - 1
}

func (c *compiler) pattern(p *gojq.Pattern, b *binding, e env) *pattern {
	if c.depth++; c.depth > maxDepth {
		c.fault("", "is nested more than %d deep", maxDepth)
		return &pattern{slot: -1}
	}
	defer func() { c.depth-- }()
	made := &pattern{slot: -1}
	if p.Name != "" {
		made.slot = b.slot(p.Name)
	}
	for _, item := range p.Array {
		made.items = append(made.items, c.pattern(item, b, e))
	}
	for _, kv := range p.Object {
		x := memberPattern{slot: -1}
		switch {
		case strings.HasPrefix(kv.Key, "$"):
			x.key, x.slot = constant(kv.Key[1:]), b.slot(kv.Key)
		case kv.Key != "":
			x.key = constant(kv.Key)
		case kv.KeyString != nil:
			x.key = c.string(kv.KeyString, toString, e)
		default:
			x.key = c.query(kv.KeyQuery, e)
		}
		if kv.Val != nil {
			x.sub = c.pattern(kv.Val, b, e)
		}
		made.members = append(made.members, x)
	}
	return made
}

// bind evaluates body with the variables of the binding. Where a pattern does not serve, or body
// throws with its variables, the next one is tried; out is not part of that.
func (m *machine) bind(b *binding, s *scope, v any, out sink, body func(s *scope, out sink) error) error {
	slots := make([]any, len(b.names))
	then := func(out sink) func() error {
		return func() error {
			inner := s
			for _, w := range slots {
				inner = &scope{up: inner, value: w}
			}
			return body(inner, out)
		}
	}
	last := len(b.patterns) - 1
	for _, p := range b.patterns[:last] {
		here := &mark{}
		clear(slots)
		if caught, err := here.sift(m.match(p, s, v, slots, then(here.beyond(out)))); caught == nil {
			return err
		}
	}
	clear(slots)
	return m.match(b.patterns[last], s, v, slots, then(out))
}

func (m *machine) match(p *pattern, s *scope, v any, slots []any, then func() error) error {
	if err := m.spend(1 + len(slots)); err != nil {
		return err
	}
	if err := m.enter(); err != nil {
		return err
	}
	defer m.leave()
	switch {
	case p.slot >= 0:
		slots[p.slot] = v
		return then()
	case p.items != nil:
		return m.matchItems(p.items, 0, s, v, slots, then)
	}
	return m.matchMembers(p.members, s, v, slots, then)
}

func (m *machine) matchItems(items []*pattern, i int, s *scope, v any, slots []any, then func() error) error {
	if i == len(items) {
		return then()
	}
	if k := kindOf(v); k != kindNull && k != kindArray {
		return throw("a value of type " + typeOf(v) + " cannot be taken apart as an array")
	}
	w, err := m.index(v, i)
	if err != nil {
		return err
	}
	return m.match(items[i], s, w, slots, func() error { return m.matchItems(items, i+1, s, v, slots, then) })
}

func (m *machine) matchMembers(members []memberPattern, s *scope, v any, slots []any, then func() error) error {
	if len(members) == 0 {
		return then()
	}
	rest := func() error { return m.matchMembers(members[1:], s, v, slots, then) }
	x := members[0]
	return m.each(x.key, s, v, func(k any) error {
		if _, ok := k.(string); !ok {
			return throw("the key of an object is a string, not a value of type " + typeOf(k))
		}
		w, err := m.index(v, k)
		if err != nil {
			return err
		}
		if x.slot >= 0 {
			slots[x.slot] = w
		}
		if x.sub == nil {
			return rest()
		}
		return m.match(x.sub, s, w, slots, rest)
	})
}

// bind compiles source as patterns | body.
func (c *compiler) bind(q *gojq.Query, e env) node {
	source := c.query(q.Left, e)
	b, inner := c.binding(q.Patterns, e)
	body := c.query(q.Right, inner)
	n := node{all: func(m *machine, s *scope, in any, p *path, out sink) error {
		return m.each(source, s, in, func(v any) error {
			return m.bind(b, s, v, out, func(s *scope, out sink) error { return m.run(body, s, in, p, out) })
		})
	}}
	if source.one != nil && body.one != nil && len(b.patterns) == 1 && b.patterns[0].slot >= 0 { // as $name
		n.one = func(m *machine, s *scope, in any) (any, error) {
			v, err := m.value(source, s, in)
			if err != nil {
				return nil, err
			}
			return m.value(body, &scope{up: s, value: v}, in)
		}
	}
	return n
}

// state is what reduce and foreach carry on: a value and its path.
type state struct {
	value any
	path  *path
}

func (c *compiler) reduce(r *gojq.Reduce, e env) node {
	source, start := c.query(r.Query, e), c.query(r.Start, e)
	b, inner := c.binding(r.Patterns, e)
	update := c.query(r.Update, inner)
	return node{all: func(m *machine, s *scope, in any, p *path, out sink) error {
		return m.run(start, s, in, p, func(v any, q *path) error {
			now := state{v, q}
			err := m.each(source, s, in, func(w any) error {
				return m.bind(b, s, w, nil, func(s *scope, _ sink) error {
					return m.run(update, s, now.value, now.path, func(v any, q *path) error {
						now = state{v, q}
						return nil
					})
				})
			})
			if err != nil {
				return err
			}
			return out(now.value, now.path)
		})
	}}
}

func (c *compiler) foreach(f *gojq.Foreach, e env) node {
	source, start := c.query(f.Query, e), c.query(f.Start, e)
	b, inner := c.binding(f.Patterns, e)
	update, extract := c.query(f.Update, inner), identity
	if f.Extract != nil {
		extract = c.query(f.Extract, inner)
	}
	return node{all: func(m *machine, s *scope, in any, p *path, out sink) error {
		return m.run(start, s, in, p, func(v any, q *path) error {
			now := state{v, q}
			return m.each(source, s, in, func(w any) error {
				return m.bind(b, s, w, out, func(s *scope, out sink) error {
					return m.run(update, s, now.value, now.path, func(v any, q *path) error {
						now = state{v, q}
						return m.run(extract, s, v, q, out)
					})
				})
			})
		})
	}}
}
