package jq

import (
	"math"
	"unicode/utf8"
)

// index is a part of a value: a member, an item, the items or characters between two places, or the
// places where an array has another one.
func (m *machine) index(v, k any) (any, error) {
	switch k := k.(type) {
	case string:
		switch v := v.(type) {
		case nil:
			return nil, nil
		case *Object:
			return v.Get(k), nil
		}
	case []any:
		switch v := v.(type) {
		case nil:
			return nil, nil
		case []any:
			return m.places(v, k)
		}
	case *Object:
		from, has := k.lookup("start")
		to, hasEnd := k.lookup("end")
		if !has || !hasEnd {
			return nil, throw("an object that is a key has start and end")
		}
		return m.slice(v, from, to)
	default:
		i, ok := whole(k)
		if !ok {
			break
		}
		switch v := v.(type) {
		case nil:
			return nil, nil
		case []any:
			if i < 0 {
				i += len(v)
			}
			if i < 0 || i >= len(v) {
				return nil, nil
			}
			return v[i], nil
		case string:
			return m.character(v, i)
		}
	}
	return nil, throw("a value of type " + typeOf(v) + " has no parts named by a value of type " + typeOf(k))
}

func (m *machine) character(s string, i int) (any, error) {
	if err := m.make(len(s)); err != nil {
		return nil, err
	}
	n := utf8.RuneCountInString(s)
	if i < 0 {
		i += n
	}
	if i < 0 || i >= n {
		return nil, nil
	}
	begin := offset(s, i)
	_, size := utf8.DecodeRuneInString(s[begin:])
	return s[begin : begin+size], nil
}

// offset is where a character begins.
func offset(s string, character int) int {
	for i := range s {
		if character == 0 {
			return i
		}
		character--
	}
	return len(s)
}

// bounds are two places of n items, or false where they are no numbers.
func bounds(n int, from, to any) (begin, end int, ok bool) {
	end = n
	if from != nil {
		f, is := float(from)
		if !is {
			return 0, 0, false
		}
		begin, _ = whole(math.Floor(f))
		begin = clamp(begin, 0, n)
	}
	if to != nil {
		f, is := float(to)
		if !is {
			return 0, 0, false
		}
		switch {
		case math.IsNaN(f) || f > -1 && f < 0:
			end = n
		default:
			end, _ = whole(math.Ceil(f))
		}
		end = clamp(end, begin, n)
	}
	return begin, max(begin, end), true
}

// clamp counts what is negative from the end.
func clamp(i, least, n int) int {
	if i < 0 {
		i += n
	}
	return min(max(i, least), n)
}

// slice is a copy: what lies in one array lies in no other.
func (m *machine) slice(v, from, to any) (any, error) {
	switch v := v.(type) {
	case nil:
		return nil, nil
	case []any:
		begin, end, ok := bounds(len(v), from, to)
		if !ok {
			break
		}
		return append(make([]any, 0, end-begin), v[begin:end]...), m.make(itemBytes * (end - begin))
	case string:
		begin, end, ok := bounds(utf8.RuneCountInString(v), from, to)
		if !ok {
			break
		}
		first := offset(v, begin)
		return v[first : first+offset(v[first:], end-begin)], m.make(len(v))
	}
	return nil, throw("a value of type " + typeOf(v) + " has no parts between values of type " + typeOf(from) + " and " + typeOf(to))
}

// places are where an array has another one.
func (m *machine) places(in, what []any) (any, error) {
	found := []any{}
	if len(what) == 0 {
		return found, nil
	}
	for i := range len(in) - len(what) + 1 {
		c, err := m.compareArrays(in[i:i+len(what)], what)
		if err == nil {
			err = m.spend(1)
		}
		if err != nil {
			return nil, err
		}
		if c == 0 {
			found = append(found, i)
		}
	}
	return found, nil
}

// get follows a path.
func (m *machine) get(v any, keys []any) (any, error) {
	for _, k := range keys {
		var err error
		if v, err = m.index(v, k); err != nil {
			return nil, err
		}
		if err = m.spend(1); err != nil {
			return nil, err
		}
	}
	return v, nil
}
