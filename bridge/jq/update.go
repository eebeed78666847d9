package jq

import (
	"slices"

	"github.com/itchyny/gojq"
)

// assign sets what the left side leads to, for each value of the right side.
func assign(l, r node) node {
	return node{all: func(m *machine, s *scope, in any, p *path, out sink) error {
		return m.each(r, s, in, func(to any) error {
			now, o := in, newOwn()
			err := m.paths(l, s, in, func(keys []any) (err error) {
				now, err = m.set(now, keys, to, o)
				return err
			})
			if err != nil {
				return err
			}
			return out(now, aside(p))
		})
	}}
}

// updated is assign with an operation of what was there and a value of the right side.
func updated(l, r node, op operator) node {
	return node{all: func(m *machine, s *scope, in any, p *path, out sink) error {
		return m.each(r, s, in, func(by any) error {
			now, o := in, newOwn()
			err := m.paths(l, s, in, func(keys []any) error {
				v, err := m.get(now, keys)
				if err != nil {
					return err
				}
				o.hand(v, keys)
				if v, err = op(m, v, by); err != nil {
					return err
				}
				now, err = m.set(now, keys, v, o)
				return err
			})
			if err != nil {
				return err
			}
			return out(now, aside(p))
		})
	}}
}

// modify replaces what the left side leads to by the first output of the right side for it, and
// deletes it where there is none.
func modify(l, r node) node {
	return made(func(m *machine, s *scope, in any) (any, error) {
		now, o := in, newOwn()
		var none []any
		err := m.paths(l, s, in, func(keys []any) error {
			v, err := m.get(now, keys)
			if err != nil {
				return err
			}
			o.hand(v, keys)
			v, ok, err := m.first(r, s, v)
			switch {
			case err != nil:
				return err
			case !ok:
				none = append(none, keys)
				return nil
			}
			now, err = m.set(now, keys, v, o)
			return err
		})
		if err != nil {
			return nil, err
		}
		return m.remove(now, none)
	})
}

// remove deletes what lies at paths, which count for the value as it is.
func (m *machine) remove(v any, paths []any) (any, error) {
	if len(paths) == 0 {
		return v, nil
	}
	paths, err := m.sorted(paths, paths)
	if err != nil {
		return nil, err
	}
	o := newOwn()
	for _, p := range paths { // what is around before what is inside
		keys, ok := p.([]any)
		if !ok {
			return nil, throw("a path is an array, not a value of type " + typeOf(p))
		}
		if v, err = m.set(v, keys, gone{}, o); err != nil {
			return nil, err
		}
	}
	return m.sweep(v, o)
}

// sorted are items in the order of their keys, of which there are as many.
func (m *machine) sorted(items, keys []any) ([]any, error) {
	order := make([]int, len(items))
	for i := range order {
		order[i] = i
	}
	var failed error
	slices.SortStableFunc(order, func(i, j int) int {
		if failed != nil {
			return 0
		}
		c, err := m.compare(keys[i], keys[j])
		failed = err
		return c
	})
	if failed == nil {
		failed = m.make(itemBytes * 2 * len(items))
	}
	list := make([]any, len(items))
	for i, at := range order {
		list[i] = items[at]
	}
	return list, failed
}

var updates = map[gojq.Operator]operator{
	gojq.OpUpdateAdd: add, gojq.OpUpdateSub: subtract, gojq.OpUpdateMul: multiply, gojq.OpUpdateDiv: divide, gojq.OpUpdateMod: modulo,
	gojq.OpUpdateAlt: func(_ *machine, a, b any) (any, error) {
		if truth(a) {
			return a, nil
		}
		return b, nil
	},
}
