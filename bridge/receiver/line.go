package receiver

// A line holds things in the order in which they joined it; the zero value is empty. Its owner
// guards it. A thing has a place of its own, so joining and leaving allocate nothing.
type line[T any] struct{ front, back *place[T] }

// A place is where a thing stands in the one line that it is in.
type place[T any] struct {
	of           *T
	before, next *place[T]
}

// join puts a thing at the back.
func (l *line[T]) join(p *place[T], of *T) {
	*p = place[T]{of: of, before: l.back}
	if l.back == nil {
		l.front = p
	} else {
		l.back.next = p
	}
	l.back = p
}

// leave takes a thing out.
func (l *line[T]) leave(p *place[T]) {
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
	*p = place[T]{}
}
