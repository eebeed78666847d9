package cesql

import (
	"strings"
	"unicode/utf8"
)

// A token is a word, a number, a text, an operator, or the end.
type token struct {
	sort  sort
	text  string // as it was written; of a word in upper case, of a text what it stands for
	begin int    // its first byte
	at    int    // its first character, from 1 on
}

type sort uint8

const (
	end     sort = iota
	word         // attribute, function or keyword
	number       // digits alone
	literal      // a text
	symbol
)

// A lexer takes an expression apart.
type lexer struct {
	text string
	next int // byte
	at   int // characters before it
}

// token returns the next one.
func (l *lexer) token() (token, *Error) {
	for l.next < len(l.text) && strings.IndexByte(" \t\r\n", l.text[l.next]) >= 0 {
		l.step(1)
	}
	t := token{begin: l.next, at: l.at + 1}
	if l.next == len(l.text) {
		return t, nil
	}
	switch c := l.text[l.next]; {
	case c == '\'' || c == '"':
		return l.literal(t, c)
	case wordByte(c):
		t.sort, t.text = number, l.run()
		if strings.Trim(t.text, "0123456789") != "" {
			t.sort, t.text = word, strings.ToUpper(t.text)
		}
		return t, nil
	}
	for _, s := range [...]string{"<=", ">=", "<>", "!=", "=", "<", ">", "+", "-", "*", "/", "%", "(", ")", ","} {
		if strings.HasPrefix(l.text[l.next:], s) {
			t.sort, t.text = symbol, s
			l.step(len(s))
			return t, nil
		}
	}
	return t, &Error{ParseError, t.at, "there is a character that no expression has outside of a text"}
}

// step goes on by bytes that are ASCII.
func (l *lexer) step(n int) {
	l.next += n
	l.at += n
}

func (l *lexer) run() string {
	begin := l.next
	for l.next < len(l.text) && wordByte(l.text[l.next]) {
		l.step(1)
	}
	return l.text[begin:l.next]
}

func wordByte(c byte) bool {
	return c|0x20 >= 'a' && c|0x20 <= 'z' || c >= '0' && c <= '9' || c == '_'
}

// literal reads a text. Only its own quote is escaped in it: what else has a backslash before it is
// for LIKE to read.
func (l *lexer) literal(t token, quote byte) (token, *Error) {
	t.sort = literal
	rest := l.text[l.next+1:]
	var b strings.Builder
	for i := 0; i < len(rest); i++ {
		c := rest[i]
		switch {
		case c == '\\' && i+1 < len(rest):
			if i++; rest[i] != quote {
				b.WriteByte(c)
			}
			b.WriteByte(rest[i])
		case c == quote && i+1 < len(rest) && rest[i+1] == quote:
			b.WriteByte(c)
			i++
		case c == quote:
			t.text = b.String()
			l.next, l.at = l.next+i+2, l.at+utf8.RuneCountInString(rest[:i])+2
			return t, nil
		default:
			b.WriteByte(c)
		}
	}
	return t, &Error{ParseError, t.at, "the text that begins here has no closing quote"}
}
