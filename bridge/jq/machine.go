package jq

import (
	"errors"
	"strconv"
)

// A Budget is how many steps evaluations may take; see the package.
type Budget int

// Budgets that every sensible expression keeps to. Other numbers would judge events otherwise.
const (
	// FilterSteps are spent within a millisecond or so: filters are asked while a topic is read.
	FilterSteps Budget = 10_000
	// TransformSteps are spent within 50 ms or so.
	TransformSteps Budget = 400_000
)

// maxNesting is how deep an evaluation may be; functions that call themselves get there.
const maxNesting = 10_000

const (
	bytesPerStep = 64
	itemBytes    = 16 // of an array
	memberBytes  = 32
)

// Bounds of an evaluation. No expression can catch them.
var (
	ErrSpent = errors.New("takes too long")
	errDeep  = errors.New("is nested too deep")
	errPath  = errors.New("is no path: what it leads to is not a part of its input")
)

// A Thrown is an error that try and ? catch. It says nothing of the values that it is about.
type Thrown struct {
	value any
	text  string // for people
}

func (t *Thrown) Error() string { return t.text }

// throw raises an error of a function. What catches it sees the text.
func throw(text string) *Thrown { return &Thrown{text, text} }

// A machine runs one evaluation.
type machine struct {
	left    int // steps
	depth   int
	regexps map[string]*expression // those that stand in the text
}

// spend takes steps off the budget.
func (m *machine) spend(n int) error {
	if m.left -= n; m.left < 0 {
		return ErrSpent
	}
	return nil
}

// make counts bytes that are made or looked at.
func (m *machine) make(bytes int) error { return m.spend(bytes / bytesPerStep) }

func (m *machine) enter() error {
	if m.depth++; m.depth > maxNesting {
		m.depth--
		return errDeep
	}
	return nil
}

func (m *machine) leave() { m.depth-- }

// A node is a compiled part of an expression. all hands what it yields for an input to out, one after
// the other, and stops at the first error. Where a path is asked for, p is that of the input within
// the root, and every output has its own. Of a node that always yields one value, one is that value,
// without a path: most nodes are like that, and it takes half the time.
type node struct {
	all func(m *machine, s *scope, in any, p *path, out sink) error
	one func(m *machine, s *scope, in any) (any, error)
}

type sink func(v any, p *path) error

// made is a node that makes a value.
func made(one func(m *machine, s *scope, in any) (any, error)) node {
	return node{one: one, all: func(m *machine, s *scope, in any, p *path, out sink) error {
		v, err := one(m, s, in)
		if err != nil {
			return err
		}
		return out(v, aside(p))
	}}
}

// step is the beginning of each evaluation of a node; leave is its end.
func (m *machine) step() error {
	if m.left--; m.left < 0 {
		return ErrSpent
	}
	return m.enter()
}

// run evaluates a node. What out does with an output lies inside.
func (m *machine) run(n node, s *scope, in any, p *path, out sink) error {
	err := m.step()
	if err != nil {
		return err
	}
	if p != nil || n.one == nil {
		err = n.all(m, s, in, p, out)
	} else {
		var v any
		if v, err = n.one(m, s, in); err == nil {
			err = out(v, nil)
		}
	}
	m.leave()
	return err
}

// value evaluates a node that yields one.
func (m *machine) value(n node, s *scope, in any) (any, error) {
	if err := m.step(); err != nil {
		return nil, err
	}
	v, err := n.one(m, s, in)
	m.leave()
	return v, err
}

// each hands over values alone.
func (m *machine) each(n node, s *scope, in any, out func(v any) error) error {
	if n.one == nil {
		return m.run(n, s, in, nil, func(v any, _ *path) error { return out(v) })
	}
	if err := m.step(); err != nil {
		return err
	}
	v, err := n.one(m, s, in)
	if err == nil {
		err = out(v)
	}
	m.leave()
	return err
}

// A mark is an error that ends an evaluation whose further outputs nobody wants; whoever made it
// knows it again.
type mark struct{ _ byte }

func (*mark) Error() string { return "stopped" }

// first is the first output, if there is one.
func (m *machine) first(n node, s *scope, in any) (v any, ok bool, err error) {
	if n.one != nil {
		v, err = m.value(n, s, in)
		return v, err == nil, err
	}
	stop := &mark{}
	err = m.run(n, s, in, nil, func(w any, _ *path) error {
		v, ok = w, true
		return stop
	})
	if err == stop {
		err = nil
	}
	return v, ok, err
}

// gather are all outputs.
func (m *machine) gather(n node, s *scope, in any) ([]any, error) {
	list := []any{}
	err := m.each(n, s, in, func(v any) error {
		list = append(list, v)
		return m.spend(1)
	})
	return list, err
}

// A passing error comes from behind a try, which lets it through.
type passing struct {
	err error
	at  *mark // the try
}

func (p *passing) Error() string { return p.err.Error() }

// attempt evaluates a node and returns what was thrown in it, apart from errors that nothing catches
// and errors of out.
func (m *machine) attempt(n node, s *scope, in any, p *path, out sink) (caught *Thrown, err error) {
	here := &mark{}
	return here.sift(m.run(n, s, in, p, here.beyond(out)))
}

// beyond marks the errors of out.
func (k *mark) beyond(out sink) sink {
	return func(v any, p *path) error {
		if err := out(v, p); err != nil {
			return &passing{err, k}
		}
		return nil
	}
}

// sift tells what was thrown here from everything else.
func (k *mark) sift(err error) (*Thrown, error) {
	switch e := err.(type) {
	case *passing:
		if e.at == k {
			return nil, e.err
		}
	case *Thrown:
		return e, nil
	}
	return nil, err
}

// A scope is what an expression can name: one variable, or one argument of a function, which is
// evaluated where it was written.
type scope struct {
	up    *scope
	value any
	arg   node
	where *scope // of arg
}

func (s *scope) above(hops int) *scope {
	for range hops {
		s = s.up
	}
	return s
}

// A path leads from a root to a part of it. No path: none is asked for.
type path struct {
	up  *path
	key any // a text, a number, or an object with start and end
}

var (
	top     = &path{}
	nowhere = &path{} // of what is not a part of the root
)

// to is the path of a part.
func (p *path) to(key any) *path {
	if p == nil || p == nowhere {
		return p
	}
	return &path{p, key}
}

// aside is the path of a value that was made.
func aside(p *path) *path {
	if p == nil {
		return nil
	}
	return nowhere
}

// keys are the path as jq has it. Too many are an error.
func (p *path) keys(m *machine) ([]any, error) {
	n := 0
	for q := p; q != top; q = q.up {
		n++
	}
	if err := m.spend(n); err != nil {
		return nil, err
	}
	keys := make([]any, n)
	for q := p; q != top; q = q.up {
		n--
		keys[n] = q.key
	}
	return keys, nil
}

// paths hands over the path of each output.
func (m *machine) paths(n node, s *scope, in any, out func(keys []any) error) error {
	return m.run(n, s, in, top, func(_ any, q *path) error {
		if q == nowhere {
			return throw(errPath.Error())
		}
		keys, err := q.keys(m)
		if err != nil {
			return err
		}
		return out(keys)
	})
}

// An Error says what is wrong with the text of an expression, and where.
type Error struct {
	At      int // the character, from 1 on; 0: unknown
	Message string
}

func (e *Error) Error() string {
	if e.At == 0 {
		return e.Message
	}
	return "at " + strconv.Itoa(e.At) + ": " + e.Message
}
