package jq

import (
	"math"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Plain functions, by name and number of arguments. Those that begin with _ are for the prelude.
var plains = map[string]plain{
	"length/0": length, "utf8bytelength/0": byteLength, "type/0": func(_ *machine, in any, _ []any) (any, error) { return typeOf(in), nil },
	"keys/0": keys, "keys_unsorted/0": keys, "has/1": hasKey, "contains/1": func(m *machine, in any, a []any) (any, error) { return m.contains(in, a[0]) },
	"inside/1": func(m *machine, in any, a []any) (any, error) { return m.contains(a[0], in) },
	"add/0":    addAll, "join/1": join, "flatten/0": flatten, "flatten/1": flatten, "reverse/0": reverse, "transpose/0": transpose,
	"sort/0": sortBy, "_sort_by/1": sortBy, "_group_by/1": groupBy, "_unique_by/1": uniqueBy, "unique/0": uniqueBy,
	"min/0": extreme(-1), "max/0": extreme(1), "_min_by/1": extreme(-1), "_max_by/1": extreme(1),
	"indices/1": indices, "index/1": edge(0), "rindex/1": edge(-1), "bsearch/1": bsearch,
	"to_entries/0": toEntries, "from_entries/0": fromEntries, "setpath/2": setPath, "delpaths/1": delPaths,

	"tojson/0": func(m *machine, in any, _ []any) (any, error) { return toJSON(m, in) }, "fromjson/0": fromJSON,
	"tostring/0": func(m *machine, in any, _ []any) (any, error) { return toString(m, in) }, "tonumber/0": toNumber, "toboolean/0": toBoolean,
	"startswith/1": texts(func(s, t string) any { return strings.HasPrefix(s, t) }), "endswith/1": texts(func(s, t string) any { return strings.HasSuffix(s, t) }),
	"ltrimstr/1": trim(strings.TrimPrefix), "rtrimstr/1": trim(strings.TrimSuffix),
	"trimstr/1": trim(func(s, t string) string { return strings.TrimSuffix(strings.TrimPrefix(s, t), t) }),
	"trim/0":    onText(strings.TrimSpace), "ltrim/0": onText(func(s string) string { return strings.TrimLeftFunc(s, unicode.IsSpace) }),
	"rtrim/0":          onText(func(s string) string { return strings.TrimRightFunc(s, unicode.IsSpace) }),
	"ascii_downcase/0": onText(lower), "ascii_upcase/0": onText(upper),
	"explode/0": explode, "implode/0": implode, "split/1": func(m *machine, in any, a []any) (any, error) { return splitText(m, in, a[0]) },
	"test/1": test, "test/2": test,

	"abs/0": abs, "floor/0": onNumber(math.Floor), "ceil/0": onNumber(math.Ceil), "round/0": onNumber(math.Round), "trunc/0": onNumber(math.Trunc), "fabs/0": onNumber(math.Abs),
	"sqrt/0": onNumber(math.Sqrt), "exp/0": onNumber(math.Exp), "exp2/0": onNumber(math.Exp2), "exp10/0": onNumber(func(x float64) float64 { return math.Pow(10, x) }),
	"log/0": onNumber(math.Log), "log2/0": onNumber(math.Log2), "log10/0": onNumber(math.Log10), "pow/2": power,
	"infinite/0": constantly(math.Inf(1)), "nan/0": constantly(math.NaN()),
	"isinfinite/0": ofNumber(func(x float64) bool { return math.IsInf(x, 0) }), "isnan/0": ofNumber(math.IsNaN),
	"isnormal/0": ofNumber(func(x float64) bool { return x != 0 && !math.IsInf(x, 0) && !math.IsNaN(x) && math.Abs(x) >= 0x1p-1022 }),

	"gmtime/0": gmTime, "mktime/0": mkTime, "strftime/1": formatTime, "strptime/1": parseTime,
}

func length(m *machine, in any, _ []any) (any, error) {
	switch v := in.(type) {
	case nil:
		return 0, nil
	case string:
		return utf8.RuneCountInString(v), m.make(len(v))
	case []any:
		return len(v), nil
	case *Object:
		return len(v.members), nil
	case bool:
		return nil, throw("a boolean has no length")
	}
	if f, _ := float(in); f < 0 {
		return negate(in), nil
	}
	return in, nil
}

func byteLength(_ *machine, in any, _ []any) (any, error) {
	s, ok := in.(string)
	if !ok {
		return nil, throw("a value of type " + typeOf(in) + " has no length in bytes")
	}
	return len(s), nil
}

func keys(m *machine, in any, _ []any) (any, error) {
	switch v := in.(type) {
	case []any:
		list := make([]any, len(v))
		for i := range v {
			list[i] = i
		}
		return list, m.make(itemBytes * len(v))
	case *Object:
		list := make([]any, len(v.members))
		for i := range v.members {
			list[i] = v.members[i].key
		}
		return list, m.make(2 * itemBytes * len(list))
	}
	return nil, throw("a value of type " + typeOf(in) + " has no keys")
}

func hasKey(_ *machine, in any, args []any) (any, error) {
	switch v := in.(type) {
	case nil:
		return false, nil
	case []any:
		if i, ok := whole(args[0]); ok {
			return i >= 0 && i < len(v), nil
		}
	case *Object:
		if k, ok := args[0].(string); ok {
			_, has := v.lookup(k)
			return has, nil
		}
	}
	return nil, throw("a value of type " + typeOf(in) + " has no parts named by a value of type " + typeOf(args[0]))
}

// contains: texts contain their parts, arrays and objects what each item and member of the other is contained in.
func (m *machine) contains(a, b any) (bool, error) {
	if err := m.enter(); err != nil {
		return false, err
	}
	defer m.leave()
	switch x := a.(type) {
	case string:
		if y, ok := b.(string); ok {
			return strings.Contains(x, y), m.make(len(x) + len(y))
		}
	case []any:
		if y, ok := b.([]any); ok {
			return m.containsItems(x, y)
		}
	case *Object:
		if y, ok := b.(*Object); ok {
			return m.containsMembers(x, y)
		}
	}
	c, err := m.compare(a, b)
	if err == nil && kindOf(a) != kindOf(b) {
		err = wrong("held against each other by contains", a, b)
	}
	return c == 0, err
}

func (m *machine) containsItems(a, b []any) (bool, error) {
	for _, y := range b {
		found := false
		for _, x := range a {
			if kindOf(x) != kindOf(y) {
				if err := m.spend(1); err != nil {
					return false, err
				}
				continue
			}
			var err error
			if found, err = m.contains(x, y); err != nil {
				return false, err
			}
			if found {
				break
			}
		}
		if !found {
			return false, nil
		}
	}
	return true, nil
}

func (m *machine) containsMembers(a, b *Object) (bool, error) {
	for _, y := range b.members {
		x, has := a.lookup(y.key)
		if !has || kindOf(x) != kindOf(y.value) {
			return false, m.spend(1)
		}
		if ok, err := m.contains(x, y.value); !ok || err != nil {
			return false, err
		}
	}
	return true, nil
}

// values are those in an array or an object.
func values(in any) ([]any, bool) {
	switch v := in.(type) {
	case []any:
		return v, true
	case *Object:
		list := make([]any, len(v.members))
		for i := range v.members {
			list[i] = v.members[i].value
		}
		return list, true
	}
	return nil, false
}

// addAll puts texts, and arrays, together at once, so that many cost no more than they are long.
func addAll(m *machine, in any, _ []any) (any, error) {
	list, ok := values(in)
	if !ok {
		return nil, throw("a value of type " + typeOf(in) + " has nothing to be added")
	}
	if err := m.spend(len(list)); err != nil {
		return nil, err
	}
	list = slices.DeleteFunc(slices.Clone(list), func(v any) bool { return v == nil })
	if len(list) == 0 {
		return nil, nil
	}
	kind := kindOf(list[0])
	same := !slices.ContainsFunc(list, func(v any) bool { return kindOf(v) != kind })
	switch {
	case same && kind == kindString:
		return m.concat(list)
	case same && kind == kindArray:
		return m.chain(list)
	case same && kind == kindObject:
		return m.union(list)
	}
	var sum any
	for _, v := range list {
		var err error
		if sum, err = add(m, sum, v); err != nil {
			return nil, err
		}
	}
	return sum, nil
}

func (m *machine) concat(list []any) (any, error) {
	n := 0
	for _, v := range list {
		s, _ := v.(string)
		n += len(s)
	}
	if err := m.make(n); err != nil {
		return nil, err
	}
	var b strings.Builder
	b.Grow(n)
	for _, v := range list {
		s, _ := v.(string)
		b.WriteString(s)
	}
	return b.String(), nil
}

func (m *machine) chain(list []any) (any, error) {
	n := 0
	for _, v := range list {
		items, _ := v.([]any)
		n += len(items)
	}
	if err := m.make(itemBytes * n); err != nil {
		return nil, err
	}
	all := make([]any, 0, n)
	for _, v := range list {
		items, _ := v.([]any)
		all = append(all, items...)
	}
	return all, nil
}

func (m *machine) union(list []any) (any, error) {
	n := 0
	for _, v := range list {
		o, _ := v.(*Object)
		n += len(o.members)
	}
	if err := m.make(2 * memberBytes * n); err != nil {
		return nil, err
	}
	all := NewObject(n)
	for _, v := range list {
		o, _ := v.(*Object)
		all.members = append(all.members, o.members...)
	}
	all.sort()
	return all, nil
}

func join(m *machine, in any, args []any) (any, error) {
	list, ok := values(in)
	sep, also := args[0].(string)
	if !ok || !also {
		return nil, wrong("joined", in, args[0])
	}
	parts := make([]any, 0, 2*len(list))
	if err := m.spend(2 * len(list)); err != nil {
		return nil, err
	}
	for i, v := range list {
		if i > 0 {
			parts = append(parts, sep)
		}
		switch k := kindOf(v); {
		case k > kindString:
			return nil, wrong("joined", v, sep)
		case k == kindNull:
			continue
		}
		s, err := toString(m, v)
		if err != nil {
			return nil, err
		}
		parts = append(parts, s)
	}
	return m.concat(parts)
}
