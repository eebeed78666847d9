package cesql

import "unicode/utf8"

// Attributes are those of an event.
type Attributes interface {
	// Attribute returns one by its name in small letters; false where the event has none.
	Attribute(name string) (Value, bool)
}

// A Budget is how many steps evaluations may take: operations, and characters that they look at or
// make.
type Budget int

// Steps is a budget that every sensible expression keeps to, and that is spent within a fraction of a
// millisecond. Another number would judge events otherwise.
const Steps Budget = 20_000

// spend reports false once there is nothing left.
func (b *Budget) spend(n int) bool {
	*b -= Budget(n) + 1
	return *b > 0
}

func (b *Budget) spent() bool { return *b <= 0 }

// Evaluate ends at the first error: then the value is what the specification wants beside it, and
// the error is an *Error. It takes what it uses off the budget; one that is spent is an error.
func (x *Expression) Evaluate(a Attributes, b *Budget) (Value, error) {
	e := evaluation{a, *b} // a copy, which the stack can hold
	v, err := e.of(x.root)
	*b = e.budget
	if err != nil {
		return v, err
	}
	return v, nil
}

// An evaluation is of one event.
type evaluation struct {
	attributes Attributes
	budget     Budget
}

// of evaluates a node.
func (e *evaluation) of(n *node) (Value, *Error) {
	if !e.budget.spend(1) {
		return zero(n.kind), n.spent()
	}
	switch n.op {
	case opLiteral:
		return n.value, nil
	case opAttribute:
		v, ok := e.attributes.Attribute(n.name)
		if !ok {
			return Truth(false), &Error{MissingAttributeError, n.at, "the event has no attribute " + n.name}
		}
		if !e.budget.spend(len(v.text)) { // what becomes of it may look at all of it
			return Truth(false), n.spent()
		}
		return v, nil
	case opExists:
		_, ok := e.attributes.Attribute(n.name)
		return Truth(ok), nil
	case opNot:
		v, err := e.cast(n.args[0], Boolean)
		return Truth(err == nil && v.number == 0), err
	case opNegate:
		v, err := e.cast(n.args[0], Integer)
		if err != nil {
			return zero(Integer), err
		}
		return n.result(-int64(v.number))
	case opAnd, opOr, opXor:
		return e.logic(n)
	case opEqual, opDiffer:
		return e.equal(n)
	case opLike:
		v, err := e.cast(n.args[0], String)
		if err != nil {
			return Truth(false), err
		}
		matches := n.pattern.match(v.text, &e.budget)
		if e.budget.spent() {
			return Truth(false), n.spent()
		}
		return Truth(matches), nil
	case opIn:
		return e.in(n)
	case opCall:
		return e.call(n)
	}
	return e.numbers(n)
}

// cast evaluates an argument and casts it.
func (e *evaluation) cast(arg *node, to Kind) (Value, *Error) {
	v, err := e.of(arg)
	if err != nil {
		return zero(to), err
	}
	v, ok := cast(v, to)
	if !ok {
		return zero(to), arg.uncastable(to)
	}
	return v, nil
}

func (e *evaluation) logic(n *node) (Value, *Error) {
	left, err := e.cast(n.args[0], Boolean)
	if err != nil {
		return Truth(false), err
	}
	if n.op == opAnd && left.number == 0 || n.op == opOr && left.number != 0 {
		return left, nil
	}
	right, err := e.cast(n.args[1], Boolean)
	if err != nil {
		return Truth(false), err
	}
	if n.op == opXor {
		return Truth(left != right), nil
	}
	return right, nil
}

// equal casts the left operand to the type of the right one.
func (e *evaluation) equal(n *node) (Value, *Error) {
	left, err := e.of(n.args[0])
	if err != nil {
		return Truth(false), err
	}
	right, err := e.of(n.args[1])
	if err != nil {
		return Truth(false), err
	}
	left, ok := cast(left, right.kind)
	if !ok {
		return Truth(false), n.args[0].uncastable(right.kind)
	}
	if !e.budget.spend(min(len(left.text), len(right.text))) {
		return Truth(false), n.spent()
	}
	return Truth((left == right) == (n.op == opEqual)), nil
}

// in casts the members of the set to the type of what is looked for.
func (e *evaluation) in(n *node) (Value, *Error) {
	wanted, err := e.of(n.args[0])
	if err != nil {
		return Truth(false), err
	}
	for _, arg := range n.args[1:] {
		member, err := e.cast(arg, wanted.kind)
		if err != nil {
			return Truth(false), err
		}
		if !e.budget.spend(min(len(member.text), len(wanted.text))) {
			return Truth(false), n.spent()
		}
		if member == wanted {
			return Truth(true), nil
		}
	}
	return Truth(false), nil
}

// numbers are arithmetic and comparisons by size. Both operands are evaluated before either is cast.
func (e *evaluation) numbers(n *node) (Value, *Error) {
	var operands [2]int64
	var values [2]Value
	for i, arg := range n.args {
		v, err := e.of(arg)
		if err != nil {
			return zero(n.kind), err
		}
		values[i] = v
	}
	for i, v := range values {
		v, ok := cast(v, Integer)
		if !ok {
			return zero(n.kind), n.args[i].uncastable(Integer)
		}
		operands[i] = int64(v.number)
	}
	x, y := operands[0], operands[1]
	switch n.op {
	case opLess:
		return Truth(x < y), nil
	case opAtMost:
		return Truth(x <= y), nil
	case opMore:
		return Truth(x > y), nil
	case opAtLeast:
		return Truth(x >= y), nil
	case opPlus:
		return n.result(x + y)
	case opMinus:
		return n.result(x - y)
	case opTimes:
		return n.result(x * y)
	}
	switch {
	case y == 0:
		return zero(Integer), &Error{MathError, n.at, "is a division by zero"}
	case n.op == opDivide:
		return n.result(x / y)
	}
	return n.result(x % y)
}

// result is an Integer, as far as 32 bits hold it.
func (n *node) result(x int64) (Value, *Error) {
	number, ok := fits(x)
	if !ok {
		return zero(Integer), &Error{MathError, n.at, "yields no integer of 32 bits"}
	}
	return Number(number), nil
}

func (n *node) uncastable(to Kind) *Error {
	what := "the value"
	if n.op == opAttribute {
		what = "the attribute " + n.name
	}
	wanted := map[Kind]string{Boolean: "neither true nor false", Integer: "no integer of 32 bits"}[to]
	return &Error{CastError, n.at, what + " is " + wanted}
}

func (n *node) missing() *Error {
	return &Error{MissingFunctionError, n.at, "there is no function " + short(n.name) + " with that many arguments"}
}

func (n *node) spent() *Error { return &Error{GenericError, n.at, "takes too long"} }

// short is a name as an error repeats it.
func short(name string) string {
	const most = 20
	if utf8.RuneCountInString(name) <= most {
		return name
	}
	return name[:most] + "…"
}
