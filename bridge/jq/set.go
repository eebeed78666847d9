package jq

import "slices"

// gone stands where something is to be deleted.
type gone struct{}

// own are the arrays and objects that an update has made itself, and may change.
type own struct {
	arrays  map[*any]struct{}
	objects map[*Object]struct{}
}

func newOwn() *own { return &own{map[*any]struct{}{}, map[*Object]struct{}{}} }

func (o *own) array(list []any) bool {
	if len(list) == 0 {
		return false
	}
	_, ok := o.arrays[&list[0]]
	return ok
}

// hand gives what lies at a path to somebody else: nothing that it is a part of is changed any more,
// nor what is in a copy of a slice.
func (o *own) hand(v any, keys []any) {
	if slices.ContainsFunc(keys, func(k any) bool { return kindOf(k) == kindObject }) {
		v = nil
		clear(o.arrays)
		clear(o.objects)
	}
	switch v := v.(type) {
	case []any:
		if !o.array(v) {
			return
		}
	case *Object:
		if _, ok := o.objects[v]; !ok {
			return
		}
	default:
		return
	}
	clear(o.arrays)
	clear(o.objects)
}

// set is a value with another part at a path. What o has not made is copied before.
func (m *machine) set(v any, keys []any, to any, o *own) (any, error) {
	if len(keys) == 0 {
		return to, nil
	}
	if err := m.enter(); err != nil {
		return nil, err
	}
	defer m.leave()
	if err := m.spend(1); err != nil {
		return nil, err
	}
	if v == any(gone{}) {
		return v, nil
	}
	switch k := keys[0].(type) {
	case string:
		switch v := v.(type) {
		case nil:
			return m.setMember(nil, k, keys[1:], to, o)
		case *Object:
			return m.setMember(v, k, keys[1:], to, o)
		}
	case *Object:
		switch v := v.(type) {
		case nil:
			return m.setSlice(nil, k, keys[1:], to, o)
		case []any:
			return m.setSlice(v, k, keys[1:], to, o)
		}
	default:
		i, ok := whole(k)
		if !ok {
			break
		}
		switch v := v.(type) {
		case nil:
			return m.setItem(nil, i, keys[1:], to, o)
		case []any:
			return m.setItem(v, i, keys[1:], to, o)
		}
	}
	return nil, throw("a value of type " + typeOf(v) + " has no parts named by a value of type " + typeOf(keys[0]))
}

func (m *machine) setMember(v *Object, k string, keys []any, to any, o *own) (any, error) {
	var before any
	has := false
	if v != nil {
		before, has = v.lookup(k)
	}
	if !has && to == any(gone{}) {
		if v == nil {
			return nil, nil
		}
		return v, nil
	}
	after, err := m.set(before, keys, to, o)
	if err != nil {
		return nil, err
	}
	n := 1
	if v != nil {
		n += len(v.members)
	}
	if err := m.make(memberBytes * n); err != nil {
		return nil, err
	}
	switch _, mine := o.objects[v]; {
	case v == nil:
		v = NewObject(1)
	case !mine:
		v = v.clone()
	}
	o.objects[v] = struct{}{}
	v.Set(k, after)
	return v, nil
}

// maxItem bounds where an array may be set.
const maxItem = 1 << 24

func (m *machine) setItem(v []any, i int, keys []any, to any, o *own) (any, error) {
	at := i
	if at < 0 {
		at += len(v)
	}
	if (at < 0 || at >= len(v)) && to == any(gone{}) {
		if v == nil {
			return nil, nil
		}
		return v, nil
	}
	if at < 0 || at > maxItem {
		return nil, throw("an array has no item at that place")
	}
	var before any
	if at < len(v) {
		before = v[at]
	}
	after, err := m.set(before, keys, to, o)
	if err != nil {
		return nil, err
	}
	if !o.array(v) || at >= len(v) {
		if err := m.make(itemBytes * max(at+1, len(v))); err != nil {
			return nil, err
		}
		grown := make([]any, max(at+1, len(v)))
		copy(grown, v)
		v = grown
		o.arrays[&v[0]] = struct{}{}
	}
	v[at] = after
	return v, nil
}

func (m *machine) setSlice(v []any, k *Object, keys []any, to any, o *own) (any, error) {
	from, has := k.lookup("start")
	until, hasEnd := k.lookup("end")
	begin, end, ok := bounds(len(v), from, until)
	if !has || !hasEnd || !ok {
		return nil, throw("a slice has start and end, which are numbers or null")
	}
	if begin == end && to == any(gone{}) {
		if v == nil {
			return nil, nil
		}
		return v, nil
	}
	part, err := m.slice(v, begin, end)
	if err != nil {
		return nil, err
	}
	if part, err = m.set(part, keys, to, o); err != nil {
		return nil, err
	}
	var middle []any
	switch part := part.(type) {
	case []any:
		middle = part
	case gone:
		middle = make([]any, end-begin)
		for i := range middle {
			middle[i] = part
		}
	default:
		return nil, throw("a slice of an array is set to an array, not to a value of type " + typeOf(part))
	}
	n := begin + len(middle) + len(v) - end
	if err := m.make(itemBytes * n); err != nil {
		return nil, err
	}
	joined := append(append(append(make([]any, 0, n), v[:begin]...), middle...), v[end:]...)
	if n > 0 {
		o.arrays[&joined[0]] = struct{}{}
	}
	return joined, nil
}

// sweep deletes what is marked as gone, which is only in what o has made.
func (m *machine) sweep(v any, o *own) (any, error) {
	if err := m.enter(); err != nil {
		return nil, err
	}
	defer m.leave()
	switch v := v.(type) {
	case gone:
		return nil, nil
	case []any:
		if !o.array(v) {
			return v, nil
		}
		left := make([]any, 0, len(v))
		for _, w := range v {
			if w == any(gone{}) {
				continue
			}
			w, err := m.sweep(w, o)
			if err != nil {
				return nil, err
			}
			left = append(left, w)
		}
		return left, m.make(itemBytes * len(v))
	case *Object:
		if _, mine := o.objects[v]; !mine {
			return v, nil
		}
		n := 0
		for _, x := range v.members {
			if x.value == any(gone{}) {
				continue
			}
			w, err := m.sweep(x.value, o)
			if err != nil {
				return nil, err
			}
			v.members[n] = member{x.key, w}
			n++
		}
		v.members = v.members[:n]
		return v, m.make(memberBytes * len(v.members))
	}
	return v, nil
}
