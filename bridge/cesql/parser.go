package cesql

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// Limits of an expression.
const (
	MaxLength = 4096 // bytes
	MaxDepth  = 50   // of parentheses, signs, NOTs and calls inside each other
)

// An Expression is one that has been parsed.
type Expression struct{ root *node }

// Parse compiles an expression. The error is an *Error with the place.
func Parse(text string) (*Expression, error) {
	if len(text) > MaxLength {
		return nil, &Error{ParseError, 1, fmt.Sprintf("is longer than %d bytes", MaxLength)}
	}
	if !utf8.ValidString(text) {
		return nil, &Error{ParseError, 1, "is no UTF-8 text"}
	}
	p := &parser{lexer: lexer{text: text}}
	if err := p.advance(); err != nil {
		return nil, err
	}
	root, err := p.expression(levelLogic)
	if err == nil && p.now.sort != end {
		err = p.fault("want an operator or the end")
	}
	if err != nil {
		return nil, err
	}
	return &Expression{root}, nil
}

// Kind is the type of what the expression yields; 0 where that depends on the event.
func (x *Expression) Kind() Kind { return x.root.kind }

// Unknown is the first call of a function that there is not; nil where all are known. Such an
// expression fails wherever it gets to the call.
func (x *Expression) Unknown() *Error { return x.root.unknown() }

func (n *node) unknown() *Error {
	if n.op == opCall && !n.known {
		return n.missing()
	}
	for _, arg := range n.args {
		if err := arg.unknown(); err != nil {
			return err
		}
	}
	return nil
}

// A parser reads by precedence: an operand, and then operators that bind as strongly as asked for.
type parser struct {
	lexer
	now   token
	depth int
}

func (p *parser) advance() (err *Error) {
	p.now, err = p.token()
	return err
}

func (p *parser) fault(message string) *Error { return &Error{ParseError, p.now.at, message} }

func (p *parser) isWord(keyword string) bool { return p.now.sort == word && p.now.text == keyword }

func (p *parser) isSymbol(s string) bool { return p.now.sort == symbol && p.now.text == s }

func (p *parser) expression(level int) (*node, *Error) {
	left, err := p.operand()
	for err == nil {
		if p.now.sort != word && p.now.sort != symbol {
			return left, nil
		}
		b, isBinary := binary[p.now.text]
		switch {
		case isBinary && b.level < level:
			return left, nil
		case isBinary:
			n := &node{op: b.op, at: p.now.at, kind: b.kind}
			if err = p.advance(); err != nil {
				return nil, err
			}
			next := b.level + 1
			if b.level == levelLogic { // groups from the right
				next = b.level
			}
			var right *node
			if right, err = p.expression(next); err != nil {
				return nil, err
			}
			n.args = []*node{left, right}
			left = n
		case p.isWord("NOT") || p.isWord("LIKE") || p.isWord("IN"):
			left, err = p.match(left)
		default:
			return left, nil
		}
	}
	return nil, err
}

// match reads LIKE or IN behind its operand, or NOT and one of them. Both bind more strongly than
// every operator between two operands.
func (p *parser) match(left *node) (*node, *Error) {
	at, negated := p.now.at, p.isWord("NOT")
	if negated {
		if err := p.advance(); err != nil {
			return nil, err
		}
	}
	n := &node{at: p.now.at, kind: Boolean, args: []*node{left}}
	switch {
	case p.isWord("LIKE"):
		n.op = opLike
		if err := p.advance(); err != nil {
			return nil, err
		}
		if p.now.sort != literal {
			return nil, p.fault("want a pattern between quotes behind LIKE")
		}
		n.pattern = compilePattern(p.now.text)
		if err := p.advance(); err != nil {
			return nil, err
		}
	case p.isWord("IN"):
		n.op = opIn
		if err := p.advance(); err != nil {
			return nil, err
		}
		set, err := p.list("want ( and values behind IN")
		if err != nil {
			return nil, err
		}
		if len(set) == 0 {
			return nil, &Error{ParseError, n.at, "want at least one value behind IN"}
		}
		n.args = append(n.args, set...)
	default:
		return nil, p.fault("want LIKE or IN behind NOT")
	}
	if negated {
		n = &node{op: opNot, at: at, kind: Boolean, args: []*node{n}}
	}
	return n, nil
}

// list reads expressions between parentheses.
func (p *parser) list(wanted string) (list []*node, err *Error) {
	if !p.isSymbol("(") {
		return nil, p.fault(wanted)
	}
	if err = p.advance(); err != nil {
		return nil, err
	}
	if p.isSymbol(")") {
		return nil, p.advance()
	}
	for {
		n, err := p.expression(levelLogic)
		if err != nil {
			return nil, err
		}
		list = append(list, n)
		switch {
		case p.isSymbol(")"):
			return list, p.advance()
		case !p.isSymbol(","):
			return nil, p.fault("want , or )")
		}
		if err = p.advance(); err != nil {
			return nil, err
		}
	}
}

// operand reads a value, with the signs and NOTs in front of it.
func (p *parser) operand() (*node, *Error) {
	if p.depth++; p.depth > MaxDepth {
		return nil, p.fault(fmt.Sprintf("is nested more than %d deep", MaxDepth))
	}
	defer func() { p.depth-- }()
	t := p.now
	switch t.sort {
	case number:
		return p.integer(t, t.text)
	case literal:
		return &node{op: opLiteral, at: t.at, kind: String, value: Text(t.text)}, p.advance()
	case word:
		return p.word(t)
	case symbol:
		switch t.text {
		case "(":
			return p.parentheses()
		case "-", "+":
			return p.sign(t)
		}
	}
	return nil, p.fault("want a value")
}

func (p *parser) parentheses() (*node, *Error) {
	if err := p.advance(); err != nil {
		return nil, err
	}
	n, err := p.expression(levelLogic)
	if err != nil {
		return nil, err
	}
	if !p.isSymbol(")") {
		return nil, p.fault("want an operator or )")
	}
	return n, p.advance()
}

// sign: directly before digits it is a part of the number.
func (p *parser) sign(t token) (*node, *Error) {
	if err := p.advance(); err != nil {
		return nil, err
	}
	if p.now.sort == number && p.now.begin == t.begin+1 {
		return p.integer(t, t.text+p.now.text)
	}
	if t.text == "+" {
		return nil, &Error{ParseError, t.at, "want digits directly behind +"}
	}
	return p.unary(opNegate, t, Integer)
}

func (p *parser) integer(t token, text string) (*node, *Error) {
	n, ok := integer(text)
	if !ok {
		return nil, &Error{ParseError, t.at, "want an integer of 32 bits"}
	}
	return &node{op: opLiteral, at: t.at, kind: Integer, value: Number(n)}, p.advance()
}

func (p *parser) unary(o op, t token, k Kind) (*node, *Error) {
	n, err := p.operand()
	if err != nil {
		return nil, err
	}
	return &node{op: o, at: t.at, kind: k, args: []*node{n}}, nil
}

// keywords are no attributes.
var keywords = []string{"AND", "OR", "XOR", "LIKE", "IN"}

// word reads what begins with one.
func (p *parser) word(t token) (*node, *Error) {
	if slices.Contains(keywords, t.text) {
		return nil, p.fault("want a value before " + t.text)
	}
	if err := p.advance(); err != nil {
		return nil, err
	}
	switch t.text {
	case "TRUE", "FALSE":
		return &node{op: opLiteral, at: t.at, kind: Boolean, value: Truth(t.text == "TRUE")}, nil
	case "NOT":
		return p.unary(opNot, t, Boolean)
	case "EXISTS":
		return p.exists(t)
	}
	if p.isSymbol("(") {
		return p.function(t)
	}
	return p.attribute(opAttribute, t)
}

func (p *parser) exists(t token) (*node, *Error) {
	name := p.now
	if name.sort != word || reserved(name.text) {
		return nil, p.fault("want the name of an attribute behind EXISTS")
	}
	if err := p.advance(); err != nil {
		return nil, err
	}
	n, err := p.attribute(opExists, name)
	if err == nil {
		n.at, n.kind = t.at, Boolean
	}
	return n, err
}

func reserved(upper string) bool {
	switch upper {
	case "NOT", "EXISTS", "TRUE", "FALSE":
		return true
	}
	return slices.Contains(keywords, upper)
}

// attribute: names have small letters; expressions may write them as they like.
func (p *parser) attribute(o op, t token) (*node, *Error) {
	if strings.Contains(t.text, "_") {
		return nil, &Error{ParseError, t.at, "the name of an attribute has letters and digits alone"}
	}
	return &node{op: o, at: t.at, name: strings.ToLower(t.text)}, nil
}

func (p *parser) function(t token) (*node, *Error) {
	if strings.ContainsAny(t.text, "0123456789") || t.text[0] == '_' {
		return nil, &Error{ParseError, t.at, "the name of a function has letters and _ alone"}
	}
	args, err := p.list("want (")
	if err != nil {
		return nil, err
	}
	n := &node{op: opCall, at: t.at, kind: Boolean, name: t.text, args: args}
	if n.call, n.known = find(t.text, len(args)); n.known {
		n.kind = n.call.yields
	}
	return n, nil
}
