package jq

import "github.com/itchyny/gojq"

// operation compiles an operator and what stands on both sides of it.
func (c *compiler) operation(q *gojq.Query, e env) node {
	l, r := c.query(q.Left, e), c.query(q.Right, e)
	switch q.Op {
	case gojq.OpPipe:
		return pipe(l, r)
	case gojq.OpComma:
		return node{all: func(m *machine, s *scope, in any, p *path, out sink) error {
			if err := m.run(l, s, in, p, out); err != nil {
				return err
			}
			return m.run(r, s, in, p, out)
		}}
	case gojq.OpAnd, gojq.OpOr:
		return logic(l, r, q.Op == gojq.OpOr)
	case gojq.OpAlt:
		return alternative(l, r)
	case gojq.OpAssign:
		return assign(l, r)
	case gojq.OpModify:
		return modify(l, r)
	}
	if op, ok := updates[q.Op]; ok {
		return updated(l, r, op)
	}
	op, ok := operators[q.Op]
	if !ok {
		return c.fault("", "has an operator that is not known here")
	}
	return operate(l, r, op)
}

// operate changes the left side first.
func operate(l, r node, op operator) node {
	if l.one != nil && r.one != nil {
		return made(func(m *machine, s *scope, in any) (any, error) {
			b, err := m.value(r, s, in)
			if err != nil {
				return nil, err
			}
			a, err := m.value(l, s, in)
			if err != nil {
				return nil, err
			}
			return op(m, a, b)
		})
	}
	return node{all: func(m *machine, s *scope, in any, p *path, out sink) error {
		return m.each(r, s, in, func(b any) error {
			return m.each(l, s, in, func(a any) error {
				v, err := op(m, a, b)
				if err != nil {
					return err
				}
				return out(v, aside(p))
			})
		})
	}}
}

func pipe(l, r node) node {
	n := node{all: func(m *machine, s *scope, in any, p *path, out sink) error {
		return m.run(l, s, in, p, func(v any, q *path) error { return m.run(r, s, v, q, out) })
	}}
	if l.one != nil && r.one != nil {
		n.one = func(m *machine, s *scope, in any) (any, error) {
			v, err := m.value(l, s, in)
			if err != nil {
				return nil, err
			}
			return m.value(r, s, v)
		}
	}
	return n
}

// logic looks at the right side only where the left one does not decide.
func logic(l, r node, decides bool) node {
	if l.one != nil && r.one != nil {
		return made(func(m *machine, s *scope, in any) (any, error) {
			v, err := m.value(l, s, in)
			if err != nil || truth(v) == decides {
				return decides, err
			}
			v, err = m.value(r, s, in)
			return truth(v), err
		})
	}
	return node{all: func(m *machine, s *scope, in any, p *path, out sink) error {
		return m.each(l, s, in, func(a any) error {
			if truth(a) == decides {
				return out(decides, aside(p))
			}
			return m.each(r, s, in, func(b any) error { return out(truth(b), aside(p)) })
		})
	}}
}

// alternative is all of the left side that is neither null nor false, or else the right side. An
// error on the left ends it there.
func alternative(l, r node) node {
	return node{all: func(m *machine, s *scope, in any, p *path, out sink) error {
		some := false
		_, err := m.attempt(l, s, in, p, func(v any, q *path) error {
			if !truth(v) {
				return nil
			}
			some = true
			return out(v, q)
		})
		if err != nil || some {
			return err
		}
		return m.run(r, s, in, p, out)
	}}
}

func (c *compiler) conditional(cond, then *gojq.Query, more []*gojq.IfElif, last *gojq.Query, e env) node {
	if len(more) > maxDepth {
		return c.fault("elif", "is nested more than %d deep", maxDepth)
	}
	otherwise := identity
	if last != nil {
		otherwise = c.query(last, e)
	}
	for i := len(more) - 1; i >= 0; i-- {
		otherwise = choose(c.query(more[i].Cond, e), c.query(more[i].Then, e), otherwise)
	}
	return choose(c.query(cond, e), c.query(then, e), otherwise)
}

func choose(cond, then, otherwise node) node {
	n := node{all: func(m *machine, s *scope, in any, p *path, out sink) error {
		return m.each(cond, s, in, func(v any) error {
			if truth(v) {
				return m.run(then, s, in, p, out)
			}
			return m.run(otherwise, s, in, p, out)
		})
	}}
	if cond.one != nil && then.one != nil && otherwise.one != nil {
		n.one = func(m *machine, s *scope, in any) (any, error) {
			v, err := m.value(cond, s, in)
			switch {
			case err != nil:
				return nil, err
			case truth(v):
				return m.value(then, s, in)
			}
			return m.value(otherwise, s, in)
		}
	}
	return n
}

func (c *compiler) try(t *gojq.Try, e env) node {
	catch := none
	if t.Catch != nil {
		catch = c.query(t.Catch, e)
	}
	return try(c.query(t.Body, e), catch)
}

func try(body, catch node) node {
	return node{all: func(m *machine, s *scope, in any, p *path, out sink) error {
		caught, err := m.attempt(body, s, in, p, out)
		if caught == nil {
			return err
		}
		return m.run(catch, s, caught.value, aside(p), out)
	}}
}

func (c *compiler) label(l *gojq.Label, e env) node {
	body := c.query(l.Body, e.with("*"+l.Ident))
	return node{all: func(m *machine, s *scope, in any, p *path, out sink) error {
		here := &mark{}
		err := m.run(body, &scope{up: s, value: here}, in, p, out)
		if err == here {
			return nil
		}
		return err
	}}
}

func (c *compiler) leave(label string, e env) node {
	n := e.find("*" + label)
	if n == nil {
		return c.fault(label, "leaves label %.40s, which is not around it", label)
	}
	hops := e.depth - n.depth
	return node{all: func(_ *machine, s *scope, _ any, _ *path, _ sink) error {
		here, _ := s.above(hops).value.(*mark)
		return here
	}}
}

func (c *compiler) variable(name string, e env) node {
	n := e.find(name)
	if n == nil {
		return c.fault(name, "there is no variable %.40s here", name)
	}
	hops := e.depth - n.depth
	return made(func(_ *machine, s *scope, _ any) (any, error) { return s.above(hops).value, nil })
}

func (c *compiler) unary(u *gojq.Unary, e env) node {
	minus := u.Op == gojq.OpSub
	return converted(c.term(u.Term, e), func(_ *machine, v any) (any, error) {
		switch {
		case kindOf(v) != kindNumber:
			return nil, throw("a value of type " + typeOf(v) + " has no sign")
		case minus:
			return negate(v), nil
		}
		return v, nil
	})
}

// converted makes a value of each output.
func converted(n node, f func(m *machine, v any) (any, error)) node {
	if n.one != nil {
		return made(func(m *machine, s *scope, in any) (any, error) {
			v, err := m.value(n, s, in)
			if err != nil {
				return nil, err
			}
			return f(m, v)
		})
	}
	return node{all: func(m *machine, s *scope, in any, p *path, out sink) error {
		return m.each(n, s, in, func(v any) error {
			w, err := f(m, v)
			if err != nil {
				return err
			}
			return out(w, aside(p))
		})
	}}
}
