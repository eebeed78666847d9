package jq

import (
	"math"
	"slices"
	"strings"

	"github.com/itchyny/gojq"
)

// An operator makes a value of two.
type operator func(m *machine, a, b any) (any, error)

var operators = map[gojq.Operator]operator{
	gojq.OpAdd: add, gojq.OpSub: subtract, gojq.OpMul: multiply, gojq.OpDiv: divide, gojq.OpMod: modulo,
	gojq.OpEq: comparing(func(c int) bool { return c == 0 }), gojq.OpNe: comparing(func(c int) bool { return c != 0 }),
	gojq.OpLt: comparing(func(c int) bool { return c < 0 }), gojq.OpLe: comparing(func(c int) bool { return c <= 0 }),
	gojq.OpGt: comparing(func(c int) bool { return c > 0 }), gojq.OpGe: comparing(func(c int) bool { return c >= 0 }),
}

func comparing(holds func(int) bool) operator {
	return func(m *machine, a, b any) (any, error) {
		c, err := m.compare(a, b)
		return holds(c), err
	}
}

func wrong(what string, a, b any) *Thrown {
	return throw("values of type " + typeOf(a) + " and " + typeOf(b) + " cannot be " + what)
}

// integers are two numbers that both are ints.
func integers(a, b any) (x, y int, ok bool) {
	x, ok = a.(int)
	y, also := b.(int)
	return x, y, ok && also
}

func floats(a, b any) (x, y float64, ok bool) {
	x, ok = float(a)
	y, also := float(b)
	return x, y, ok && also
}

func negate(v any) any {
	switch v := v.(type) {
	case int:
		if v != math.MinInt {
			return -v
		}
	case Literal:
		if text, negative := strings.CutPrefix(string(v), "-"); negative {
			return number(text)
		}
		return number("-" + string(v))
	}
	f, _ := float(v)
	return -f
}

func add(m *machine, a, b any) (any, error) {
	switch {
	case a == nil:
		return b, nil
	case b == nil:
		return a, nil
	}
	if x, y, ok := integers(a, b); ok {
		if z := x + y; (z >= x) == (y >= 0) {
			return z, nil
		}
	}
	if x, y, ok := floats(a, b); ok {
		return x + y, nil
	}
	switch x := a.(type) {
	case string:
		if y, ok := b.(string); ok {
			if err := m.make(len(x) + len(y)); err != nil {
				return nil, err
			}
			return x + y, nil
		}
	case []any:
		if y, ok := b.([]any); ok {
			if err := m.make(itemBytes * (len(x) + len(y))); err != nil {
				return nil, err
			}
			return slices.Concat(x, y), nil
		}
	case *Object:
		if y, ok := b.(*Object); ok {
			return m.merge(x, y)
		}
	}
	return nil, wrong("added", a, b)
}

// merge is both objects in one; where both have a key the second one's value counts.
func (m *machine) merge(a, b *Object) (*Object, error) {
	if err := m.make(memberBytes * (len(a.members) + len(b.members))); err != nil {
		return nil, err
	}
	o := NewObject(len(a.members) + len(b.members))
	o.members = append(append(o.members, a.members...), b.members...)
	o.sort()
	return o, nil
}

func subtract(m *machine, a, b any) (any, error) {
	if x, y, ok := integers(a, b); ok {
		if z := x - y; (z <= x) == (y >= 0) {
			return z, nil
		}
	}
	if x, y, ok := floats(a, b); ok {
		return x - y, nil
	}
	x, ok := a.([]any)
	y, also := b.([]any)
	if !ok || !also {
		return nil, wrong("subtracted", a, b)
	}
	left := make([]any, 0, len(x))
	for _, v := range x {
		found, err := m.has(y, v)
		if err != nil {
			return nil, err
		}
		if !found {
			left = append(left, v)
		}
	}
	return left, m.make(itemBytes * len(x))
}

// has reports whether a list has a value.
func (m *machine) has(list []any, v any) (bool, error) {
	for _, w := range list {
		if c, err := m.compare(v, w); c == 0 || err != nil {
			return c == 0, err
		}
	}
	return false, nil
}

func multiply(m *machine, a, b any) (any, error) {
	if x, y, ok := integers(a, b); ok {
		if z := x * y; x == 0 || z/x == y && !(x == -1 && y == math.MinInt) {
			return z, nil
		}
	}
	if x, y, ok := floats(a, b); ok {
		return x * y, nil
	}
	if x, ok := a.(*Object); ok {
		if y, ok := b.(*Object); ok {
			return m.mergeDeep(x, y)
		}
	}
	if _, ok := b.(string); ok {
		a, b = b, a
	}
	s, ok := a.(string)
	n, also := float(b)
	if !ok || !also {
		return nil, wrong("multiplied", a, b)
	}
	return m.repeat(s, n)
}

func (m *machine) repeat(s string, n float64) (any, error) {
	if n < 0 || math.IsNaN(n) {
		return nil, nil
	}
	if n*float64(len(s)) > math.MaxInt32 {
		return nil, ErrSpent
	}
	if err := m.make(int(n) * len(s)); err != nil || len(s) == 0 {
		return s, err
	}
	return strings.Repeat(s, int(n)), nil
}

func (m *machine) mergeDeep(a, b *Object) (any, error) {
	if err := m.enter(); err != nil {
		return nil, err
	}
	defer m.leave()
	o, err := m.merge(a, b)
	if err != nil {
		return nil, err
	}
	for i := range o.members {
		x := &o.members[i]
		before, ok := a.Get(x.key).(*Object)
		after, also := x.value.(*Object)
		if err := m.spend(1); err != nil {
			return nil, err
		}
		if _, given := b.lookup(x.key); ok && also && given {
			if x.value, err = m.mergeDeep(before, after); err != nil {
				return nil, err
			}
		}
	}
	return o, nil
}

func divide(m *machine, a, b any) (any, error) {
	if x, y, ok := floats(a, b); ok {
		if y == 0 {
			return nil, throw("is a division by zero")
		}
		if i, j, ok := integers(a, b); ok && i%j == 0 && !(i == math.MinInt && j == -1) {
			return i / j, nil
		}
		return x / y, nil
	}
	s, ok := a.(string)
	sep, also := b.(string)
	if !ok || !also {
		return nil, wrong("divided", a, b)
	}
	return m.split(s, sep)
}

func (m *machine) split(s, sep string) (any, error) {
	if s == "" {
		return []any{}, nil
	}
	n := strings.Count(s, sep) + 1 // of an empty one, the characters and 1
	if err := m.make(itemBytes*2*n + len(s)); err != nil {
		return nil, err
	}
	list := make([]any, 0, n)
	for part := range strings.SplitSeq(s, sep) {
		list = append(list, part)
	}
	return list, nil
}

func modulo(_ *machine, a, b any) (any, error) {
	x, y, ok := floats(a, b)
	if !ok {
		return nil, wrong("divided", a, b)
	}
	if math.IsNaN(x) || math.IsNaN(y) {
		return math.NaN(), nil
	}
	i, _ := whole(a)
	j, _ := whole(b)
	switch j {
	case 0:
		return nil, throw("is a division by zero")
	case -1:
		return 0, nil
	}
	return i % j, nil
}
