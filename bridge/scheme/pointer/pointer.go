// Package pointer reads a few values out of a JSON document in one pass. The pass also
// validates the whole document, so a body is never walked twice. Pointers are those of RFC
// 6901; they are compiled once into a Set, which is then safe for concurrent use.
package pointer

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Kind is the type of a JSON value.
type Kind uint8

// The kinds of a JSON value; Absent says that a pointer met nothing.
const (
	Absent Kind = iota
	Null
	Bool
	Number
	String
	Array
	Object
)

// ErrInvalid says that a document is not JSON (RFC 8259) in UTF-8.
var ErrInvalid = errors.New("not valid JSON")

// A Value is what a pointer met: its kind and its bytes in the document, quotes included.
type Value struct {
	Kind Kind
	Raw  []byte
}

// Text returns a string's content or the literal text of a number or a boolean. It is ""
// for everything else. It is UTF-8 unless the string escapes half of a surrogate pair.
func (v Value) Text() string {
	plain, ok := v.Plain()
	if !ok {
		return unescape(v.Raw[1 : len(v.Raw)-1])
	}
	return string(plain)
}

// Plain is Text as it stands in the document; false for a string with escapes.
func (v Value) Plain() ([]byte, bool) {
	switch v.Kind {
	case String:
		inner := v.Raw[1 : len(v.Raw)-1]
		return inner, bytes.IndexByte(inner, '\\') < 0
	case Number, Bool:
		return v.Raw, true
	default:
		return nil, true
	}
}

// A Set is a number of pointers, each with a slot in the answer of Scan.
type Set struct {
	root  node
	slots map[string]int
}

type node struct {
	name     string // unescaped reference token
	index    int    // the token as an array index, -1 when it is none
	slot     int    // -1 when no pointer ends here
	children []*node
}

// NewSet returns a Set without pointers.
func NewSet() *Set {
	return &Set{root: node{index: -1, slot: -1}, slots: map[string]int{}}
}

// Len returns the number of slots that Scan fills.
func (s *Set) Len() int { return len(s.slots) }

// Add returns the slot of a pointer, adding the pointer where it is new. The empty pointer
// is the whole document; any other one must begin with a slash.
func (s *Set) Add(text string) (int, error) {
	if slot, ok := s.slots[text]; ok {
		return slot, nil
	}
	tokens, err := parse(text)
	if err != nil {
		return 0, err
	}
	n := &s.root
	for _, token := range tokens {
		n = n.child(token)
	}
	if n.slot < 0 {
		n.slot = len(s.slots)
	}
	s.slots[text] = n.slot
	return n.slot, nil
}

func parse(text string) ([]string, error) {
	if text == "" {
		return nil, nil
	}
	if text[0] != '/' {
		return nil, fmt.Errorf("JSON pointer %q: it must begin with /", text)
	}
	tokens := strings.Split(text[1:], "/")
	for i, token := range tokens {
		if strings.Contains(strings.NewReplacer("~0", "", "~1", "").Replace(token), "~") {
			return nil, fmt.Errorf("JSON pointer %q: ~ must be written ~0", text)
		}
		tokens[i] = strings.ReplaceAll(strings.ReplaceAll(token, "~1", "/"), "~0", "~")
	}
	return tokens, nil
}

func (n *node) child(token string) *node {
	for _, c := range n.children {
		if c.name == token {
			return c
		}
	}
	c := &node{name: token, index: arrayIndex(token), slot: -1}
	n.children = append(n.children, c)
	return c
}

func arrayIndex(token string) int {
	if token == "" || len(token) > 9 || (token[0] == '0' && len(token) > 1) {
		return -1
	}
	i, err := strconv.Atoi(token)
	if err != nil || i < 0 || token[0] == '+' {
		return -1
	}
	return i
}

func (n *node) named(key []byte, escaped bool) *node {
	if n == nil || len(n.children) == 0 {
		return nil
	}
	if escaped {
		key = []byte(unescape(key))
	}
	for _, c := range n.children {
		if string(key) == c.name {
			return c
		}
	}
	return nil
}

func (n *node) at(index int) *node {
	if n == nil {
		return nil
	}
	for _, c := range n.children {
		if c.index == index {
			return c
		}
	}
	return nil
}
