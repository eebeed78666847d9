package topic

import "strings"

// Meets reports whether some topic may fit both patterns. Of two that are not plain, one of them a
// regular expression, only the beginnings are compared: then true is a guess.
func (p Pattern) Meets(q Pattern) bool {
	switch {
	case p.expr == nil && q.expr == nil:
		return meet(p.tokens, q.tokens)
	case p.expr == nil && p.plain():
		return q.Match(strings.Join(p.tokens, "."))
	case q.expr == nil && q.plain():
		return p.Match(strings.Join(q.tokens, "."))
	}
	a, b := p.beginning(), q.beginning()
	return strings.HasPrefix(a, b) || strings.HasPrefix(b, a)
}

// MeetsAny reports whether a pattern may fit a topic that one of others does. What cannot be
// compiled fits none.
func MeetsAny(pattern string, others []string) bool {
	p, err := Compile(pattern)
	if err != nil {
		return false
	}
	for _, other := range others {
		if q, err := Compile(other); err == nil && p.Meets(q) {
			return true
		}
	}
	return false
}

func meet(a, b []string) bool {
	for i := 0; ; i++ {
		switch {
		case i == len(a) || i == len(b):
			return len(a) == len(b)
		case a[i] == ">" || b[i] == ">":
			return true
		case a[i] != "*" && b[i] != "*" && a[i] != b[i]:
			return false
		}
	}
}

// plain: the pattern is one name.
func (p Pattern) plain() bool {
	for _, t := range p.tokens {
		if t == "*" || t == ">" {
			return false
		}
	}
	return true
}

// beginning is what every topic of the pattern begins with, as far as it is plain to see.
func (p Pattern) beginning() string {
	if p.expr != nil {
		return literal(p.expr.String())
	}
	var b strings.Builder
	for _, t := range p.tokens {
		if t == "*" || t == ">" {
			break
		}
		b.WriteString(t)
		b.WriteByte('.')
	}
	return b.String()
}

// literal is the plain text behind the ^ of a regular expression, "" where there is none.
func literal(expr string) string {
	rest, anchored := strings.CutPrefix(expr, "^")
	if !anchored || strings.Contains(rest, "|") {
		return ""
	}
	var b strings.Builder
	for rest != "" {
		c := rest[0]
		size := 1
		if c == '\\' && len(rest) > 1 && !isWord(rest[1]) {
			c, size = rest[1], 2
		} else if strings.IndexByte(`\.+*?()|[]{}^$`, c) >= 0 {
			break
		}
		if rest = rest[size:]; rest != "" && strings.IndexByte("*?{+", rest[0]) >= 0 {
			break
		}
		b.WriteByte(c)
	}
	return b.String()
}

func isWord(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}
