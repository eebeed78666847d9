package pointer

// One is a pointer for itself. The zero One points nowhere.
type One struct{ set *Set }

// ParseOne reads a pointer; see Set.Add.
func ParseOne(text string) (One, error) {
	set := NewSet()
	if _, err := set.Add(text); err != nil {
		return One{}, err
	}
	return One{set}, nil
}

// Given reports whether it points anywhere.
func (o One) Given() bool { return o.set != nil }

// In is what it meets in a document, which is Absent where that is no JSON.
func (o One) In(doc []byte) Value {
	var found [1]Value
	_, _ = o.set.Scan(doc, found[:]) // what is no JSON has none
	return found[0]
}

// Within is In by the grammar alone: of an array whose elements are judged one by one, some may hold
// bytes that are no UTF-8.
func (o One) Within(doc []byte) Value {
	var found [1]Value
	_, _ = o.set.scan(doc, found[:]) // what is no JSON has none
	return found[0]
}
