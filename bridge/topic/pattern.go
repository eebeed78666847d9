// Package topic knows patterns over the names of topics: which topics they stand for, and whether
// two of them can stand for the same one. Begin with Compile.
package topic

import (
	"fmt"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// A Pattern stands for topics: it is a name, a NATS pattern (* is one token, a final > the rest, at least one)
// or, between slashes, a regular expression that some part of the name must fit.
type Pattern struct {
	tokens []string
	expr   *regexp.Regexp
}

// Compile reads a pattern.
func Compile(s string) (Pattern, error) {
	if len(s) > 2 && s[0] == '/' && s[len(s)-1] == '/' {
		expr, err := regexp.Compile(s[1 : len(s)-1])
		if err != nil {
			return Pattern{}, fmt.Errorf("topic pattern %q: %w", s, err)
		}
		return Pattern{expr: expr}, nil
	}
	tokens := strings.Split(s, ".")
	for i, t := range tokens {
		if t == "" {
			return Pattern{}, fmt.Errorf("topic pattern %q: a part between two dots is empty", s)
		}
		if t == ">" && i < len(tokens)-1 {
			return Pattern{}, fmt.Errorf("topic pattern %q: > may only be the last part", s)
		}
		if strings.ContainsFunc(t, func(r rune) bool { return r <= ' ' || r == 0x7f }) {
			return Pattern{}, fmt.Errorf("topic pattern %q: no spaces or control characters", s)
		}
	}
	return Pattern{tokens: tokens}, nil
}

// Valid reports whether a name is one fixed topic: words joined by dots, of which none is empty or
// holds a wildcard, white space or what cannot be printed.
func Valid(name string) bool {
	for word := range strings.SplitSeq(name, ".") {
		if word == "" || strings.ContainsFunc(word, func(r rune) bool { return !Allowed(r) }) {
			return false
		}
	}
	return true
}

// ValidPattern is Valid of a NATS pattern.
func ValidPattern(s string) bool {
	p, err := Compile(s)
	return err == nil && p.expr == nil && !strings.ContainsFunc(s, func(r rune) bool { return !Allowed(r) && r != '*' && r != '>' })
}

// Allowed reports whether a topic's word may hold a character.
func Allowed(r rune) bool {
	return r != '*' && r != '>' && r != utf8.RuneError && !unicode.IsSpace(r) && unicode.IsPrint(r)
}

// Match reports whether a topic is one of those that the pattern stands for.
func (p Pattern) Match(topic string) bool {
	if p.expr != nil {
		return p.expr.MatchString(topic)
	}
	rest, more := topic, true
	for _, want := range p.tokens {
		if !more || rest == "" {
			return false
		}
		if want == ">" {
			return true
		}
		var token string
		token, rest, more = strings.Cut(rest, ".")
		if want != "*" && want != token {
			return false
		}
	}
	return !more
}
