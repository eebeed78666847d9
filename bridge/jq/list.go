package jq

import (
	"math"
	"slices"
	"unicode/utf8"
)

func flatten(m *machine, in any, args []any) (any, error) {
	list, ok := values(in)
	depth := math.Inf(1)
	if len(args) > 0 {
		var is bool
		depth, is = float(args[0])
		ok = ok && is && depth >= 0
	}
	if !ok {
		return nil, throw("flatten takes an array, and how deep as a number of 0 or more")
	}
	return m.flatten([]any{}, list, depth)
}

func (m *machine) flatten(to, list []any, depth float64) ([]any, error) {
	if err := m.enter(); err != nil {
		return nil, err
	}
	defer m.leave()
	for _, v := range list {
		if err := m.spend(1); err != nil {
			return nil, err
		}
		inner, ok := v.([]any)
		if !ok || depth == 0 {
			to = append(to, v)
			continue
		}
		var err error
		if to, err = m.flatten(to, inner, depth-1); err != nil {
			return nil, err
		}
	}
	return to, nil
}

func array(in any, what string) ([]any, error) {
	list, ok := in.([]any)
	if !ok {
		return nil, throw("a value of type " + typeOf(in) + " cannot be " + what + "; an array can")
	}
	return list, nil
}

func reverse(m *machine, in any, _ []any) (any, error) {
	list, err := array(in, "reversed")
	if err == nil {
		err = m.make(itemBytes * len(list))
	}
	if err != nil {
		return nil, err
	}
	list = slices.Clone(list)
	slices.Reverse(list)
	return list, nil
}

func transpose(m *machine, in any, _ []any) (any, error) {
	rows, err := array(in, "transposed")
	if err != nil {
		return nil, err
	}
	n := 0
	for _, row := range rows {
		items, err := array(row, "a row")
		if err != nil {
			return nil, err
		}
		n = max(n, len(items))
	}
	if err := m.make(itemBytes * (len(rows) + 2) * n); err != nil {
		return nil, err
	}
	turned := make([]any, n)
	for i := range turned {
		column := make([]any, len(rows))
		for j, row := range rows {
			if items, _ := row.([]any); i < len(items) {
				column[j] = items[i]
			}
		}
		turned[i] = column
	}
	return turned, nil
}

// keyed are the items of an array and a key for each: the one that was given, or the item itself.
func keyed(in any, args []any) (list, keys []any, err error) {
	if list, err = array(in, "sorted"); err != nil {
		return nil, nil, err
	}
	if len(args) == 0 {
		return list, list, nil
	}
	keys, _ = args[0].([]any)
	if len(keys) != len(list) {
		return nil, nil, throw("there is not one key for each item")
	}
	return list, keys, nil
}

func sortBy(m *machine, in any, args []any) (any, error) {
	list, keys, err := keyed(in, args)
	if err != nil {
		return nil, err
	}
	return m.sorted(list, keys)
}

// grouped hands over runs of items with the same key, in the order of the keys.
func (m *machine) grouped(in any, args []any, each func(group []any)) error {
	list, keys, err := keyed(in, args)
	if err != nil {
		return err
	}
	if list, err = m.sorted(list, keys); err != nil {
		return err
	}
	if keys, err = m.sorted(keys, keys); err != nil {
		return err
	}
	begin := 0
	for i := range list {
		if i+1 < len(list) {
			c, err := m.compare(keys[i], keys[i+1])
			if err != nil {
				return err
			}
			if c == 0 {
				continue
			}
		}
		each(list[begin : i+1 : i+1])
		begin = i + 1
	}
	return m.spend(len(list))
}

func groupBy(m *machine, in any, args []any) (any, error) {
	groups := []any{}
	err := m.grouped(in, args, func(group []any) { groups = append(groups, group) })
	return groups, err
}

func uniqueBy(m *machine, in any, args []any) (any, error) {
	firsts := []any{}
	err := m.grouped(in, args, func(group []any) { firsts = append(firsts, group[0]) })
	return firsts, err
}

// extreme is the first of the least items, or the last of the greatest.
func extreme(sign int) plain {
	return func(m *machine, in any, args []any) (any, error) {
		list, keys, err := keyed(in, args)
		if err != nil || len(list) == 0 {
			return nil, err
		}
		best := 0
		for i := 1; i < len(keys); i++ {
			c, err := m.compare(keys[i], keys[best])
			if err != nil {
				return nil, err
			}
			if c*sign > 0 || c == 0 && sign > 0 {
				best = i
			}
		}
		return list[best], nil
	}
}

func indices(m *machine, in any, args []any) (any, error) {
	switch v := in.(type) {
	case nil:
		return nil, nil
	case string:
		if part, ok := args[0].(string); ok {
			return m.offsets(v, part)
		}
	case []any:
		if part, ok := args[0].([]any); ok {
			return m.places(v, part)
		}
		return m.places(v, args[:1])
	}
	return nil, wrong("looked for in each other", in, args[0])
}

// offsets are the characters at which a text has another one.
func (m *machine) offsets(s, part string) (any, error) {
	found := []any{}
	if part == "" || s == "" {
		return found, nil
	}
	if err := m.spend(1 + len(s)*(1+len(part)/bytesPerStep)/8); err != nil {
		return nil, err
	}
	character := 0
	for i := range s {
		if len(s)-i >= len(part) && s[i:i+len(part)] == part {
			found = append(found, character)
			if err := m.spend(1); err != nil {
				return nil, err
			}
		}
		character++
	}
	return found, nil
}

// edge is the first place, or the last one.
func edge(at int) plain {
	return func(m *machine, in any, args []any) (any, error) {
		v, err := indices(m, in, args)
		list, _ := v.([]any)
		if err != nil || len(list) == 0 {
			return nil, err
		}
		return list[(at+len(list))%len(list)], nil
	}
}

// bsearch is where an ordered array has a value, or how far behind -1 it would have to be put.
func bsearch(m *machine, in any, args []any) (any, error) {
	list, err := array(in, "searched")
	if err != nil {
		return nil, err
	}
	low, high := 0, len(list)
	for low < high {
		mid := (low + high) / 2
		c, err := m.compare(list[mid], args[0])
		switch {
		case err != nil:
			return nil, err
		case c == 0:
			return mid, nil
		case c < 0:
			low = mid + 1
		default:
			high = mid
		}
	}
	return -1 - low, nil
}

func toEntries(m *machine, in any, _ []any) (any, error) {
	if items, ok := in.([]any); ok {
		list := make([]any, len(items))
		for i, v := range items {
			list[i] = &Object{[]member{{"key", i}, {"value", v}}}
		}
		return list, m.make(3 * memberBytes * len(items))
	}
	o, ok := in.(*Object)
	if !ok {
		return nil, throw("a value of type " + typeOf(in) + " has no entries; an object has")
	}
	if err := m.make(3 * memberBytes * len(o.members)); err != nil {
		return nil, err
	}
	list := make([]any, len(o.members))
	for i, x := range o.members {
		list[i] = &Object{[]member{{"key", x.key}, {"value", x.value}}}
	}
	return list, nil
}

// fromEntries takes what is usual for the names of key and value.
func fromEntries(m *machine, in any, _ []any) (any, error) {
	list, ok := values(in)
	if !ok {
		return nil, throw("a value of type " + typeOf(in) + " has no entries")
	}
	if err := m.make(2 * memberBytes * len(list)); err != nil {
		return nil, err
	}
	made := NewObject(len(list))
	for _, v := range list {
		if v == nil {
			v = &Object{}
		}
		x, ok := v.(*Object)
		if !ok {
			return nil, throw("an entry is an object, not a value of type " + typeOf(v))
		}
		var k any
		for _, name := range [...]string{"key", "Key", "name", "Name"} {
			if k = x.Get(name); truth(k) {
				break
			}
		}
		name, ok := k.(string)
		if !ok {
			return nil, throw("the key of an entry is a string, not a value of type " + typeOf(k))
		}
		w, has := x.lookup("value")
		if !has {
			w = x.Get("Value")
		}
		made.members = append(made.members, member{name, w})
	}
	made.sort()
	return made, nil
}

func setPath(m *machine, in any, args []any) (any, error) {
	p, err := array(args[0], "a path")
	if err != nil {
		return nil, err
	}
	return m.set(in, p, args[1], newOwn())
}

func delPaths(m *machine, in any, args []any) (any, error) {
	list, err := array(args[0], "a list of paths")
	if err != nil {
		return nil, err
	}
	return m.remove(in, list)
}

func explode(m *machine, in any, _ []any) (any, error) {
	s, ok := in.(string)
	if !ok {
		return nil, throw("a value of type " + typeOf(in) + " has no characters")
	}
	if err := m.make(itemBytes * len(s)); err != nil {
		return nil, err
	}
	list := make([]any, 0, len(s))
	for _, r := range s {
		list = append(list, int(r))
	}
	return list, nil
}

func implode(m *machine, in any, _ []any) (any, error) {
	list, err := array(in, "put together to a text")
	if err == nil {
		err = m.spend(len(list))
	}
	if err != nil {
		return nil, err
	}
	var b []byte
	for _, v := range list {
		r, ok := whole(v)
		if !ok {
			return nil, throw("a value of type " + typeOf(v) + " is no character; a number is")
		}
		if r < 0 || r > utf8.MaxRune {
			r = utf8.RuneError
		}
		b = utf8.AppendRune(b, rune(r))
	}
	return string(b), nil
}
