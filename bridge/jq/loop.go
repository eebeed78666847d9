package jq

import "math"

// limit hands over the first outputs.
func limit(n, of node) node {
	return node{all: func(m *machine, s *scope, in any, p *path, out sink) error {
		return m.each(n, s, in, func(v any) error {
			left, ok := float(v)
			switch {
			case !ok || left < 0:
				return throw("a limit is a number of 0 or more")
			case left == 0:
				return nil
			}
			stop := &mark{}
			err := m.run(of, s, in, p, func(w any, q *path) error {
				left--
				if err := out(w, q); err != nil || left > 0 {
					return err
				}
				return stop
			})
			if err == stop {
				return nil
			}
			return err
		})
	}}
}

func skip(n, of node) node {
	return node{all: func(m *machine, s *scope, in any, p *path, out sink) error {
		return m.each(n, s, in, func(v any) error {
			left, ok := float(v)
			if !ok || left < 0 {
				return throw("what is skipped is a number of 0 or more")
			}
			return m.run(of, s, in, p, func(w any, q *path) error {
				if left--; left >= 0 {
					return nil
				}
				return out(w, q)
			})
		})
	}}
}

func last(of node) node {
	return node{all: func(m *machine, s *scope, in any, p *path, out sink) error {
		var now state
		some := false
		err := m.run(of, s, in, p, func(v any, q *path) error {
			now, some = state{v, q}, true
			return nil
		})
		if err != nil || !some {
			return err
		}
		return out(now.value, now.path)
	}}
}

// recurse hands over the input, and then what f makes of it in the same way.
func recurse(f node) node {
	var again node
	again.all = func(m *machine, s *scope, in any, p *path, out sink) error {
		if err := out(in, p); err != nil {
			return err
		}
		return m.run(f, s, in, p, func(v any, q *path) error { return m.run(again, s, v, q, out) })
	}
	return again
}

// while goes on with what next makes as long as cond holds, and hands over what it went on with, or
// else only what it ended with. As long as next makes one value it does not nest.
func while(cond, next node, all bool) node {
	var again node
	again.all = func(m *machine, s *scope, in any, p *path, out sink) error {
		for {
			goes, err := m.holds(cond, s, in)
			switch {
			case err != nil:
				return err
			case !goes && all:
				return nil
			case !goes:
				return out(in, p)
			}
			if all {
				if err := out(in, p); err != nil {
					return err
				}
			}
			var states []state
			err = m.run(next, s, in, p, func(v any, q *path) error {
				states = append(states, state{v, q})
				return m.spend(1)
			})
			switch {
			case err != nil:
				return err
			case len(states) == 0:
				return nil
			}
			last := len(states) - 1
			for _, x := range states[:last] {
				if err := m.run(again, s, x.value, x.path, out); err != nil {
					return err
				}
			}
			in, p = states[last].value, states[last].path
		}
	}
	return again
}

// holds is the first output as a truth.
func (m *machine) holds(cond node, s *scope, in any) (bool, error) {
	v, ok, err := m.first(cond, s, in)
	return ok && truth(v), err
}

// count hands over numbers from one on and before another.
func count(from, to, by node) node {
	return node{all: func(m *machine, s *scope, in any, p *path, out sink) error {
		return m.each(from, s, in, func(first any) error {
			return m.each(to, s, in, func(end any) error {
				return m.each(by, s, in, func(step any) error { return m.count(first, end, step, func(v any) error { return out(v, aside(p)) }) })
			})
		})
	}}
}

func (m *machine) count(from, to, by any, out func(any) error) error {
	x, ok := float(from)
	end, also := float(to)
	step, third := float(by)
	if !ok || !also || !third {
		return throw("a range is between numbers")
	}
	for (step > 0 && x < end) || (step < 0 && x > end) {
		if err := m.spend(1); err != nil {
			return err
		}
		v := any(x)
		if x == math.Trunc(x) && math.Abs(x) < 1<<53 {
			v = int(x)
		}
		if err := out(v); err != nil {
			return err
		}
		x += step
	}
	return nil
}
