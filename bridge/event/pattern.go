package event

import "strings"

// A TypePattern says which types are meant; * stands for any run of characters, dots included. It is
// what lies between the stars: "a.*.b" is "a." and ".b".
type TypePattern []string

// CompileTypePattern takes any text.
func CompileTypePattern(s string) TypePattern { return strings.Split(s, "*") }

// Match reports whether a type is one of those.
func (p TypePattern) Match(s string) bool {
	last := len(p) - 1
	if last == 0 {
		return s == p[0]
	}
	if !strings.HasPrefix(s, p[0]) {
		return false
	}
	s = s[len(p[0]):]
	for _, part := range p[1:last] { // the leftmost place of each part leaves the most for the rest
		i := strings.Index(s, part)
		if i < 0 {
			return false
		}
		s = s[i+len(part):]
	}
	return strings.HasSuffix(s, p[last])
}
