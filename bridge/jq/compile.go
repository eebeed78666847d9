package jq

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/itchyny/gojq"
)

// Limits of an expression.
const (
	MaxLength = 16 << 10 // bytes
	maxDepth  = 300      // of its parts inside each other
)

// An Expression is one that has been compiled.
type Expression struct {
	body    node
	regexps map[string]*expression
}

// Compile reads an expression. The error is an *Error with the place, as far as it is known.
func Compile(text string) (*Expression, error) {
	query, err := parse(text)
	if err != nil {
		return nil, err
	}
	c := &compiler{text: text, regexps: map[string]*expression{}}
	x := &Expression{c.query(query, prelude()), c.regexps}
	if c.err != nil {
		return nil, c.err
	}
	return x, nil
}

// First is the first output for an input; false where there is none. It takes what it uses off the
// budget. Errors: ErrSpent, *Thrown.
func (x *Expression) First(in any, b *Budget) (any, bool, error) {
	m := &machine{left: int(*b), regexps: x.regexps}
	v, ok, err := m.first(x.body, nil, in)
	*b = Budget(m.left)
	return v, ok, err
}

// parse never panics, whatever the parser does.
func parse(text string) (q *gojq.Query, err error) {
	switch {
	case len(text) > MaxLength:
		return nil, &Error{1, fmt.Sprintf("is longer than %d bytes", MaxLength)}
	case !utf8.ValidString(text):
		return nil, &Error{1, "is no UTF-8 text"}
	case strings.Trim(text, " \t\r\n") == "":
		return nil, &Error{1, "is empty; . is the input itself"}
	}
	defer func() {
		if recover() != nil {
			q, err = nil, &Error{1, "cannot be read"}
		}
	}()
	q, err = gojq.Parse(text)
	var wrong *gojq.ParseError
	if errors.As(err, &wrong) {
		begin := min(max(wrong.Offset-len(wrong.Token), 0), len(text))
		return nil, &Error{1 + utf8.RuneCountInString(text[:begin]), flaw(wrong.Token)}
	}
	if err != nil {
		return nil, &Error{1, "cannot be read"}
	}
	return q, nil
}

// flaw does not repeat a text, which may be long, or a secret.
func flaw(token string) string {
	if token == "" {
		return "ends too early"
	}
	if len(token) > 20 || strings.Contains(token, `"`) {
		return "is not understood from here on"
	}
	return "does not go on with " + token
}

// A compiler makes nodes of what was parsed. After the first error they mean nothing.
type compiler struct {
	text    string
	err     *Error
	depth   int
	regexps map[string]*expression
	builtin bool // it compiles the prelude
}

// fault gives the place where a word stands first: the parser keeps none.
func (c *compiler) fault(word, format string, args ...any) node {
	if c.err == nil {
		c.err = &Error{c.place(word), fmt.Sprintf(format, args...)}
	}
	return none
}

func (c *compiler) place(word string) int {
	if word == "" {
		return 0
	}
	at := regexp.MustCompile(`(?:^|[^\w$@])` + regexp.QuoteMeta(word) + `(?:\W|$)`).FindStringIndex(c.text)
	if at == nil {
		return 0
	}
	begin := at[0] + strings.Index(c.text[at[0]:], word)
	return 1 + utf8.RuneCountInString(c.text[:begin])
}

// names are what an expression can name at a place, the nearest first.
type names struct {
	up    *names
	name  string // $x, f/1, or *out of a label
	depth int    // of scopes, with its own
	fn    *function
}

// A function's body sees its arguments above the scopes of where it was defined.
type function struct {
	depth   int
	body    node
	builtin bool // of the prelude
}

// An env is the names and how many scopes there are.
type env struct {
	names *names
	depth int
}

func (e env) find(name string) *names {
	n := e.names
	for n != nil && n.name != name {
		n = n.up
	}
	return n
}

// with adds a name that has a scope.
func (e env) with(name string) env {
	return env{&names{e.names, name, e.depth + 1, nil}, e.depth + 1}
}

func key(name string, arity int) string { return name + "/" + string(rune('0'+arity)) }

var (
	none = node{all: func(*machine, *scope, any, *path, sink) error { return nil }}

	identity = node{
		all: func(_ *machine, _ *scope, in any, p *path, out sink) error { return out(in, p) },
		one: func(_ *machine, _ *scope, in any) (any, error) { return in, nil },
	}
)

func constant(v any) node {
	return made(func(*machine, *scope, any) (any, error) { return v, nil })
}

func (c *compiler) query(q *gojq.Query, e env) node {
	if c.err != nil {
		return none
	}
	if c.depth++; c.depth > maxDepth {
		return c.fault("", "is nested more than %d deep", maxDepth)
	}
	defer func() { c.depth-- }()
	if q.Meta != nil || len(q.Imports) > 0 {
		return c.fault("", "names a module; there are none here")
	}
	for _, d := range q.FuncDefs {
		e = c.define(d, e)
	}
	switch {
	case q.Term != nil:
		return c.term(q.Term, e)
	case q.Right == nil:
		return identity
	case len(q.Patterns) > 0:
		return c.bind(q, e)
	}
	return c.operation(q, e)
}

// define adds a function. Its arguments are names of a scope each, and $a is also a variable.
func (c *compiler) define(d *gojq.FuncDef, e env) env {
	if len(d.Args) > 9 {
		c.fault(d.Name, "has a function of more than 9 arguments")
		return e
	}
	fn := &function{depth: e.depth, builtin: c.builtin}
	e.names = &names{e.names, key(d.Name, len(d.Args)), e.depth, fn}
	inner := e
	var values []string
	for _, a := range d.Args {
		inner = inner.with(key(strings.TrimPrefix(a, "$"), 0))
		if strings.HasPrefix(a, "$") {
			values = append(values, a)
		}
	}
	args := inner
	for _, name := range values {
		inner = inner.with(name)
	}
	fn.body = c.query(d.Body, inner)
	for i := len(values) - 1; i >= 0; i-- {
		at := args.find(key(values[i][1:], 0))
		fn.body = valued(args.depth+i-at.depth, fn.body)
	}
	return e
}

// valued binds an argument so many scopes above to a variable.
func valued(hops int, body node) node {
	return node{all: func(m *machine, s *scope, in any, p *path, out sink) error {
		arg := s.above(hops)
		return m.each(arg.arg, arg.where, in, func(v any) error { return m.run(body, &scope{up: s, value: v}, in, p, out) })
	}}
}

// call is a call of what has a name.
func (c *compiler) call(n *names, args []node, e env) node {
	if n.fn == nil {
		hops := e.depth - n.depth
		return node{all: func(m *machine, s *scope, in any, p *path, out sink) error {
			at := s.above(hops)
			return m.run(at.arg, at.where, in, p, out)
		}}
	}
	fn, hops := n.fn, e.depth-n.fn.depth
	inside := func(s *scope) *scope {
		inner := s.above(hops)
		for _, a := range args {
			inner = &scope{up: inner, arg: a, where: s}
		}
		return inner
	}
	called := node{all: func(m *machine, s *scope, in any, p *path, out sink) error {
		return m.run(fn.body, inside(s), in, p, out)
	}}
	if fn.body.one != nil { // not yet known inside its own body
		called.one = func(m *machine, s *scope, in any) (any, error) { return m.value(fn.body, inside(s), in) }
	}
	return called
}
