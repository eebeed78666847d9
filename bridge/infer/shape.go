package infer

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Bounds of a Shape.
const (
	maxDepth   = 24     // of objects and arrays in each other
	maxMembers = 500    // of one object
	maxPlaces  = 10_000 // of all objects and arrays together
	maxName    = 512    // bytes of a member's name
)

// ErrNotJSON: a document is no JSON text.
var ErrNotJSON = errors.New("is not JSON")

// A Shape is what the documents that it was given have in common.
type Shape struct {
	root   place
	places int
	left   bool // something lay beyond the bounds
}

// New has seen no document.
func New() *Shape { return &Shape{} }

// Documents is how many were added.
func (s *Shape) Documents() int { return s.root.values }

// LeftOut reports whether something of the documents lay beyond the bounds and is not in the Shape.
func (s *Shape) LeftOut() bool { return s.left }

// A jsonType is a type of JSON Schema.
type jsonType uint8

const (
	null jsonType = iota
	boolean
	integer // its fraction is zero, however it is written
	number  // that is no integer
	text
	array
	object
	jsonTypes
)

// words are those of JSON Schema; never changed.
var words = [jsonTypes]string{"null", "boolean", "integer", "number", "string", "array", "object"}

// A place is where values are in the documents: the root, a member of an object, the items of an array.
type place struct {
	values  int            // that were there
	of      [jsonTypes]int // of each type
	formats formats        // of the texts: those that all have
	members map[string]*member
	items   *place
	crowded bool // it has members that are not kept
}

// A member of an object. last is the number of the object that it was found in last: a name that an
// object has twice counts once.
type member struct {
	place
	objects int // that have it
	last    int
}

// Add takes a document, behind a byte order mark if there is one. The error is ErrNotJSON.
func (s *Shape) Add(document []byte) error {
	document = bytes.TrimPrefix(document, []byte("\xef\xbb\xbf"))
	if !json.Valid(document) {
		return ErrNotJSON
	}
	r := reader{Shape: s, tokens: json.NewDecoder(bytes.NewReader(document))}
	r.tokens.UseNumber()
	if err := r.value(&s.root, 0); err != nil {
		return fmt.Errorf("%w: %w", ErrNotJSON, err) // not of a valid text
	}
	return nil
}

// A reader goes through one document.
type reader struct {
	*Shape
	tokens *json.Decoder
}

// value reads one value into its place; into none it is only read.
func (r *reader) value(at *place, depth int) error {
	token, err := r.tokens.Token()
	if err != nil {
		return err
	}
	if at != nil {
		at.values++
	}
	delim, opens := token.(json.Delim)
	if !opens {
		if at != nil {
			at.scalar(token)
		}
		return nil
	}
	of := array
	if delim == '{' {
		of = object
	}
	if at != nil {
		at.of[of]++
	}
	if depth++; at != nil && depth > maxDepth {
		r.left, at.crowded = true, true
		at = nil
	}
	if delim == '{' {
		return r.object(at, depth)
	}
	return r.array(at, depth)
}

func (p *place) scalar(token json.Token) {
	switch v := token.(type) {
	case nil:
		p.of[null]++
	case bool:
		p.of[boolean]++
	case json.Number:
		if isInteger(v.String()) {
			p.of[integer]++
		} else {
			p.of[number]++
		}
	case string:
		p.formats.narrow(v, p.of[text] == 0)
		p.of[text]++
	}
}

// isInteger reports whether the fraction of a number is zero. It goes by the digits: an exponent may
// be too large to write the number out.
func isInteger(text string) bool {
	mantissa, exponent := text, ""
	if i := strings.IndexAny(text, "eE"); i >= 0 {
		mantissa, exponent = text[:i], text[i+1:]
	}
	whole, fraction, _ := strings.Cut(strings.TrimPrefix(mantissa, "-"), ".")
	digits := strings.TrimRight(whole+fraction, "0")
	if digits == "" {
		return true
	}
	behind := len(digits) - len(whole)             // digits behind the point, without zeros at the end
	power, _ := strconv.ParseInt(exponent, 10, 64) // 0 for none; the nearest there is when out of range
	return power >= int64(behind)
}

func (r *reader) object(at *place, depth int) error {
	for r.tokens.More() {
		token, err := r.tokens.Token()
		if err != nil {
			return err
		}
		name, _ := token.(string) // the decoder takes nothing else
		if err := r.value(r.member(at, name), depth); err != nil {
			return err
		}
	}
	_, err := r.tokens.Token()
	return err
}

// member is where a member's value goes, nil for nowhere.
func (r *reader) member(at *place, name string) *place {
	if at == nil {
		return nil
	}
	m := at.members[name]
	if m == nil {
		if len(at.members) == maxMembers || r.places == maxPlaces || len(name) > maxName {
			r.left, at.crowded = true, true
			return nil
		}
		if at.members == nil {
			at.members = map[string]*member{}
		}
		m = &member{}
		at.members[name] = m
		r.places++
	}
	if m.last != at.of[object] {
		m.last = at.of[object]
		m.objects++
	}
	return &m.place
}

func (r *reader) array(at *place, depth int) error {
	if at != nil && at.items == nil && r.places < maxPlaces {
		at.items = &place{}
		r.places++
	}
	var items *place
	if at != nil {
		items = at.items
		r.left = r.left || items == nil && r.tokens.More()
	}
	for r.tokens.More() {
		if err := r.value(items, depth); err != nil {
			return err
		}
	}
	_, err := r.tokens.Token()
	return err
}
