package jq

import (
	"slices"
	"strings"

	"github.com/itchyny/gojq"
)

// A plain function makes one value of its input and of one value for each argument.
type plain func(m *machine, in any, args []any) (any, error)

// function compiles a call of what the expression has defined, of the prelude, or of what is built in.
func (c *compiler) function(f *gojq.Func, e env) node {
	if strings.HasPrefix(f.Name, "$") {
		return c.variable(f.Name, e)
	}
	if len(f.Args) > 9 {
		return c.fault(f.Name, "calls %.40s with more than 9 arguments", f.Name)
	}
	args := make([]node, len(f.Args))
	for i, a := range f.Args {
		args[i] = c.query(a, e)
	}
	name := key(f.Name, len(args))
	n := e.find(name)
	if n == nil || n.fn != nil && n.fn.builtin {
		c.literal(f)
	}
	if n != nil {
		return c.call(n, args, e)
	}
	if text, ok := c.raised(f); ok {
		said := "raised: " + text[:min(len(text), maxSaid)]
		return node{all: func(*machine, *scope, any, *path, sink) error { return &Thrown{text, strings.ToValidUTF8(said, "")} }}
	}
	if made, ok := builtin[name]; ok {
		return made(args)
	}
	if fn, ok := plains[name]; ok {
		return fn.with(args)
	}
	return c.fault(f.Name, "there is no function %.40s", name)
}

// maxSaid is how much of an error's text people are shown, in bytes.
const maxSaid = 400

// raised is the text of an error that stands in the expression: such a one may be shown to people,
// since it has nothing of an event.
func (c *compiler) raised(f *gojq.Func) (string, bool) {
	if f.Name != "error" || len(f.Args) != 1 {
		return "", false
	}
	return literal(f.Args[0])
}

// with evaluates the arguments, the last one first, for every combination of them.
func (fn plain) with(args []node) node {
	if !slices.ContainsFunc(args, func(a node) bool { return a.one == nil }) {
		return made(func(m *machine, s *scope, in any) (any, error) {
			values := make([]any, len(args))
			for i := len(args) - 1; i >= 0; i-- {
				var err error
				if values[i], err = m.value(args[i], s, in); err != nil {
					return nil, err
				}
			}
			return fn(m, in, values)
		})
	}
	return node{all: func(m *machine, s *scope, in any, p *path, out sink) error {
		return m.combine(args, make([]any, len(args)), s, in, func(values []any) error {
			v, err := fn(m, in, values)
			if err != nil {
				return err
			}
			return out(v, aside(p))
		})
	}}
}

func (m *machine) combine(args []node, values []any, s *scope, in any, out func([]any) error) error {
	last := len(args) - 1
	if last < 0 {
		return out(values)
	}
	return m.each(args[last], s, in, func(v any) error {
		values[last] = v
		return m.combine(args[:last], values, s, in, out)
	})
}

// Builtin functions see their arguments as they are written.
var builtin = map[string]func(args []node) node{
	"empty/0":  func([]node) node { return none },
	"not/0":    func([]node) node { return mapped(func(v any) any { return !truth(v) }) },
	"error/0":  func([]node) node { return raise(identity) },
	"error/1":  func(a []node) node { return raise(a[0]) },
	"path/1":   func(a []node) node { return pathOf(a[0]) },
	"select/1": func(a []node) node { return choose(a[0], identity, none) },
	"map/1":    func(a []node) node { return collect(pipe(items(identity, false), a[0])) },
	"first/1":  func(a []node) node { return limit(constant(1), a[0]) },
	"last/1":   func(a []node) node { return last(a[0]) },
	"limit/2":  func(a []node) node { return limit(a[0], a[1]) },
	"skip/2":   func(a []node) node { return skip(a[0], a[1]) },

	"recurse/0": func([]node) node { return recurse(items(identity, true)) },
	"recurse/1": func(a []node) node { return recurse(a[0]) },
	"recurse/2": func(a []node) node { return recurse(pipe(a[0], choose(a[1], identity, none))) },
	"while/2":   func(a []node) node { return while(a[0], a[1], true) },
	"until/2": func(a []node) node {
		return while(pipe(a[0], mapped(func(v any) any { return !truth(v) })), a[1], false)
	},
	"repeat/1": func(a []node) node { return while(constant(true), a[0], true) },

	"range/1": func(a []node) node { return count(constant(0), a[0], constant(1)) },
	"range/2": func(a []node) node { return count(a[0], a[1], constant(1)) },
	"range/3": func(a []node) node { return count(a[0], a[1], a[2]) },

	"any/0":     func([]node) node { return quantify(items(identity, false), true) },
	"any/1":     func(a []node) node { return quantify(pipe(items(identity, false), a[0]), true) },
	"any/2":     func(a []node) node { return quantify(pipe(a[0], a[1]), true) },
	"all/0":     func([]node) node { return quantify(items(identity, false), false) },
	"all/1":     func(a []node) node { return quantify(pipe(items(identity, false), a[0]), false) },
	"all/2":     func(a []node) node { return quantify(pipe(a[0], a[1]), false) },
	"isempty/1": func(a []node) node { return isEmpty(a[0]) },

	"match/1": func(a []node) node { return items(plain(matches).with(a), false) },
	"match/2": func(a []node) node { return items(plain(matches).with(a), false) },

	"getpath/1": func(a []node) node { return getPath(a[0]) },
	"del/1":     func(a []node) node { return del(a[0]) },
}

func mapped(f func(any) any) node {
	return made(func(_ *machine, _ *scope, in any) (any, error) { return f(in), nil })
}

func raise(n node) node {
	return node{all: func(m *machine, s *scope, in any, _ *path, _ sink) error {
		return m.each(n, s, in, func(v any) error { return &Thrown{v, "the expression raised an error"} })
	}}
}

func pathOf(n node) node {
	return node{all: func(m *machine, s *scope, in any, p *path, out sink) error {
		return m.paths(n, s, in, func(keys []any) error { return out(keys, aside(p)) })
	}}
}

func getPath(n node) node {
	return node{all: func(m *machine, s *scope, in any, p *path, out sink) error {
		return m.each(n, s, in, func(v any) error {
			keys, ok := v.([]any)
			if !ok {
				return throw("a path is an array, not a value of type " + typeOf(v))
			}
			w, err := m.get(in, keys)
			if err != nil {
				return err
			}
			q := p
			for _, k := range keys {
				q = q.to(k)
			}
			return out(w, q)
		})
	}}
}

func del(n node) node {
	return made(func(m *machine, s *scope, in any) (any, error) {
		var all []any
		err := m.paths(n, s, in, func(keys []any) error {
			all = append(all, keys)
			return nil
		})
		if err != nil {
			return nil, err
		}
		return m.remove(in, all)
	})
}

func isEmpty(n node) node {
	return made(func(m *machine, s *scope, in any) (any, error) {
		_, ok, err := m.first(n, s, in)
		return !ok, err
	})
}

// quantify stops at the first output that decides.
func quantify(n node, decides bool) node {
	return made(func(m *machine, s *scope, in any) (any, error) {
		stop := &mark{}
		err := m.each(n, s, in, func(v any) error {
			if truth(v) == decides {
				return stop
			}
			return nil
		})
		if err == stop {
			return decides, nil
		}
		return !decides, err
	})
}
