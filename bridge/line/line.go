package line

// A Line holds things in the order in which they joined it; the zero value is empty. Its owner
// guards it. A thing has a place of its own, so joining and leaving allocate nothing.
type Line[T any] struct{ front, back *Place[T] }

// A Place is where a thing stands in the one line that it is in.
type Place[T any] struct {
	Of           *T
	before, next *Place[T]
}

// Front is who has been there longest, nil in an empty line.
func (l *Line[T]) Front() *Place[T] { return l.front }

// Next is who joined after this one, nil behind the last.
func (p *Place[T]) Next() *Place[T] { return p.next }

// Join puts a thing at the back.
func (l *Line[T]) Join(p *Place[T], of *T) {
	*p = Place[T]{Of: of, before: l.back}
	if l.back == nil {
		l.front = p
	} else {
		l.back.next = p
	}
	l.back = p
}

// Leave takes a thing out.
func (l *Line[T]) Leave(p *Place[T]) {
	if p.before == nil {
		l.front = p.next
	} else {
		p.before.next = p.next
	}
	if p.next == nil {
		l.back = p.before
	} else {
		p.next.before = p.before
	}
	*p = Place[T]{}
}
