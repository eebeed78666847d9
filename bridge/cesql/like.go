package cesql

import (
	"strings"
	"unicode/utf8"
)

// A pattern of LIKE is the parts between its %: the first one begins the text, the last one ends
// it, and those between come in their order. A single part is the whole text.
type pattern []part

// A part is a text, or characters with some for which any other stands.
type part struct {
	text  string
	runes []rune // with any1; nil where the part is a text
}

// any1 stands for one character.
const any1 = -1

func compilePattern(s string) pattern {
	var p pattern
	var runes []rune
	wild := false
	end := func() {
		if wild {
			p = append(p, part{runes: runes})
		} else {
			p = append(p, part{text: string(runes)})
		}
		runes, wild = nil, false
	}
	escaped := false
	for i, r := range s {
		switch {
		case escaped:
			runes, escaped = append(runes, r), false
		case r == '\\' && i+1 < len(s) && (s[i+1] == '%' || s[i+1] == '_'):
			escaped = true
		case r == '%':
			end()
		case r == '_':
			runes, wild = append(runes, any1), true
		default:
			runes = append(runes, r)
		}
	}
	end()
	return p
}

// match spends a step for every character that is looked at.
func (p pattern) match(s string, b *Budget) bool {
	last := len(p) - 1
	n := p[0].begins(s, b)
	if n < 0 || last == 0 {
		return n == len(s)
	}
	s = s[n:]
	for i := 1; i < last; i++ { // the leftmost place of each part leaves the most for the rest
		if n = p[i].within(s, b); n < 0 {
			return false
		}
		s = s[n:]
	}
	return p[last].ends(s, b)
}

// begins is how many bytes of the text's beginning the part is; -1 where it is none.
func (p *part) begins(s string, b *Budget) int {
	if p.runes == nil {
		b.spend(len(p.text))
		if !strings.HasPrefix(s, p.text) {
			return -1
		}
		return len(p.text)
	}
	n := 0
	for _, want := range p.runes {
		r, size := utf8.DecodeRuneInString(s[n:])
		if !b.spend(1) || size == 0 || want != any1 && want != r {
			return -1
		}
		n += size
	}
	return n
}

// within is where the part ends at its first place in the text; -1 where it has none.
func (p *part) within(s string, b *Budget) int {
	if p.runes == nil {
		b.spend(len(s))
		i := strings.Index(s, p.text)
		if i < 0 {
			return -1
		}
		return i + len(p.text)
	}
	for i := 0; ; {
		if n := p.begins(s[i:], b); n >= 0 {
			return i + n
		}
		_, size := utf8.DecodeRuneInString(s[i:])
		if size == 0 || b.spent() {
			return -1
		}
		i += size
	}
}

func (p *part) ends(s string, b *Budget) bool {
	if p.runes == nil {
		b.spend(len(p.text))
		return strings.HasSuffix(s, p.text)
	}
	begin := len(s)
	for range p.runes {
		_, size := utf8.DecodeLastRuneInString(s[:begin])
		if size == 0 {
			return false
		}
		begin -= size
	}
	return p.begins(s[begin:], b) == len(s)-begin
}
