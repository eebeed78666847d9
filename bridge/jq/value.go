package jq

import (
	"cmp"
	"math"
	"slices"
	"strconv"
	"strings"
)

// A value is nil, bool, int, float64, Literal, string, []any or *Object. Nobody changes one.

// A Literal is a number as it was written that neither an int nor a float64 holds without loss.
type Literal string

// An Object is one of JSON; its members are sorted by key.
type Object struct{ members []member }

type member struct {
	key   string
	value any
}

// NewObject makes an object with room for n members.
func NewObject(n int) *Object { return &Object{make([]member, 0, n)} }

// find is where a key is or would be.
func (o *Object) find(key string) (int, bool) {
	if len(o.members) > 12 {
		return slices.BinarySearchFunc(o.members, key, func(m member, key string) int { return strings.Compare(m.key, key) })
	}
	for i := range o.members {
		switch k := o.members[i].key; {
		case k == key:
			return i, true
		case k > key:
			return i, false
		}
	}
	return len(o.members), false
}

// Get returns nil where there is no such member.
func (o *Object) Get(key string) any {
	v, _ := o.lookup(key)
	return v
}

func (o *Object) lookup(key string) (any, bool) {
	i, ok := o.find(key)
	if !ok {
		return nil, false
	}
	return o.members[i].value, true
}

// Set is for who makes the object.
func (o *Object) Set(key string, v any) {
	i, ok := o.find(key)
	if ok {
		o.members[i].value = v
		return
	}
	o.members = slices.Insert(o.members, i, member{key, v})
}

// Keys are in their order.
func (o *Object) Keys() []string {
	keys := make([]string, len(o.members))
	for i := range o.members {
		keys[i] = o.members[i].key
	}
	return keys
}

// clone is a copy with room for one more.
func (o *Object) clone() *Object {
	return &Object{append(make([]member, 0, len(o.members)+1), o.members...)}
}

// The kinds of values, in jq's order of them.
const (
	kindNull = iota
	kindFalse
	kindTrue
	kindNumber
	kindString
	kindArray
	kindObject
)

func kindOf(v any) int {
	switch v := v.(type) {
	case nil:
		return kindNull
	case bool:
		if v {
			return kindTrue
		}
		return kindFalse
	case string:
		return kindString
	case []any:
		return kindArray
	case *Object:
		return kindObject
	}
	return kindNumber
}

func typeOf(v any) string {
	return [...]string{"null", "boolean", "boolean", "number", "string", "array", "object"}[kindOf(v)]
}

// Truth: null and false are no, everything else is yes.
func Truth(v any) bool { return truth(v) }

func truth(v any) bool { return v != nil && v != false }

// float is the value of a number.
func float(v any) (float64, bool) {
	switch v := v.(type) {
	case int:
		return float64(v), true
	case float64:
		return v, true
	case Literal:
		f, _ := strconv.ParseFloat(string(v), 64)
		return min(max(f, -math.MaxFloat64), math.MaxFloat64), true
	}
	return 0, false
}

// whole is a number without what is behind its point, cut to what an int holds.
func whole(v any) (int, bool) {
	if n, ok := v.(int); ok {
		return n, true
	}
	f, ok := float(v)
	switch {
	case !ok:
		return 0, false
	case math.IsNaN(f):
		return 0, true
	case f >= math.MaxInt64:
		return math.MaxInt64, true
	case f <= math.MinInt64:
		return math.MinInt64, true
	}
	return int(f), true
}

// number reads what JSON and jq write as one.
func number(text string) any {
	if n, err := strconv.Atoi(text); err == nil && text != "-0" {
		return n
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil || !strings.ContainsAny(text, ".eE") && math.Abs(f) >= 1<<53 {
		return Literal(text)
	}
	return f
}

// compare orders values as jq does. Each that is looked at counts.
func (m *machine) compare(a, b any) (int, error) {
	if err := m.spend(1); err != nil {
		return 0, err
	}
	if x, ok := a.(int); ok {
		if y, ok := b.(int); ok {
			return cmp.Compare(x, y), nil
		}
	}
	k, l := kindOf(a), kindOf(b)
	if k != l {
		return cmp.Compare(k, l), nil
	}
	switch k {
	case kindNumber:
		return compareNumbers(a, b), nil
	case kindString:
		x, y := a.(string), b.(string)
		return strings.Compare(x, y), m.spend(min(len(x), len(y)) / 64)
	case kindArray:
		return m.compareArrays(a.([]any), b.([]any))
	case kindObject:
		return m.compareObjects(a.(*Object), b.(*Object))
	}
	return 0, nil
}

func compareNumbers(a, b any) int {
	if a == b {
		if _, ok := a.(Literal); ok {
			return 0
		}
	}
	x, _ := float(a)
	y, _ := float(b)
	switch {
	case x < y || math.IsNaN(x):
		return -1
	case x == y:
		return 0
	}
	return 1
}

func (m *machine) compareArrays(a, b []any) (int, error) {
	if err := m.enter(); err != nil {
		return 0, err
	}
	defer m.leave()
	for i := range min(len(a), len(b)) {
		if c, err := m.compare(a[i], b[i]); c != 0 || err != nil {
			return c, err
		}
	}
	return cmp.Compare(len(a), len(b)), nil
}

// compareObjects compares their keys, and where these are the same their values in the order of the keys.
func (m *machine) compareObjects(a, b *Object) (int, error) {
	if err := m.enter(); err != nil {
		return 0, err
	}
	defer m.leave()
	n := min(len(a.members), len(b.members))
	for i := range n {
		x, y := a.members[i].key, b.members[i].key
		if err := m.spend(1 + min(len(x), len(y))/64); err != nil {
			return 0, err
		}
		if c := strings.Compare(x, y); c != 0 {
			return c, nil
		}
	}
	if c := cmp.Compare(len(a.members), len(b.members)); c != 0 {
		return c, nil
	}
	for i := range n {
		if c, err := m.compare(a.members[i].value, b.members[i].value); c != 0 || err != nil {
			return c, err
		}
	}
	return 0, nil
}
