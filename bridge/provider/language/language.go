// Package language is what a provider file may say, read off the Go types that the file is decoded
// into: their tags doc, example, words (a closed set of values), required and part stand beside yaml.
// Page writes it down for people and Schema for editors, so that neither is a list of its own.
//
// Start reading at New.
package language

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"

	"github.com/hookspan/hookspan/bridge/scheme/declaration"
)

// A Language is all words of a kind of file.
type Language struct {
	Sections     []*Section         // as a reader meets them; the first one is the file itself
	Values       []declaration.Term // of templates
	Filters      []declaration.Term // of those values
	Placeholders []declaration.Term // of samples
}

// A Section is the words of one map.
type Section struct {
	Name  string // the word in front of it, or what its part is called; "" for the file itself
	Doc   string
	Path  []string   // to the first place where it stands, from the top: words, Element and Member
	Words []Word     // its own
	Parts []*Section // those whose words stand in it as well
	Part  bool       // its words stand in other sections

	of       reflect.Type
	beside   map[string]any // what the last word of Path needs beside it
	referred bool           // some word holds it
}

// What a path has between words.
const (
	Element = "[]" // of a list
	Member  = "*"  // of a map whose names are free
)

// A Word is one field of a section.
type Word struct {
	Name     string
	Doc      string
	Example  string   // members of its section in YAML's flow style, without the braces: it and what it needs beside it
	Closed   []string // the values that there are; none: any
	Required bool
	Form     declaration.Form
	Holds    *Section // nil where it holds no map of the language
}

// New reads a type and those of its fields. The error names fields that do not say what they are.
func New(file reflect.Type) (*Language, error) {
	r := &reading{l: &Language{}}
	r.section(file, Section{})
	return r.l, errors.Join(r.faults...)
}

type reading struct {
	l      *Language
	faults []error
}

func (r *reading) fault(t reflect.Type, field, format string, args ...any) {
	r.faults = append(r.faults, fmt.Errorf("%s.%s: %s", t.Name(), field, fmt.Sprintf(format, args...)))
}

// section reads a type, unless that or one with the same fields was read before.
func (r *reading) section(t reflect.Type, s Section) *Section {
	for _, known := range r.l.Sections {
		if t.ConvertibleTo(known.of) {
			return known
		}
	}
	s.of = t
	r.l.Sections = append(r.l.Sections, &s)
	r.fields(&s, t)
	return &s
}

func (r *reading) fields(s *Section, t reflect.Type) {
	for i := range t.NumField() {
		f := t.Field(i)
		name, how, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		part := f.Tag.Get("part")
		switch {
		case how == "inline" && part == "":
			r.fields(s, f.Type)
		case how == "inline":
			inner := r.section(f.Type, Section{Name: part, Doc: f.Tag.Get("doc"), Path: s.Path, Part: true})
			if !sentence(inner.Doc) {
				r.fault(t, f.Name, "the tag doc has to be a sentence")
			}
			s.Parts = append(s.Parts, inner)
		case name != "" && f.Tag.Get("doc") != "-":
			s.Words = append(s.Words, r.word(s, t, f, name))
		}
	}
}

// sentence reports a text that says something, and breaks no table.
func sentence(text string) bool {
	return strings.HasSuffix(text, ".") && !strings.ContainsAny(text, "\n<>`")
}

func (r *reading) word(in *Section, t reflect.Type, f reflect.StructField, name string) Word {
	w := Word{Name: name, Doc: f.Tag.Get("doc"), Example: f.Tag.Get("example"), Closed: strings.Fields(f.Tag.Get("words")), Required: f.Tag.Get("required") != ""}
	if !sentence(w.Doc) {
		r.fault(t, f.Name, "the tag doc has to be a sentence")
	}
	if members, err := w.Members(); err != nil || members[name] == nil {
		r.fault(t, f.Name, "the tag example has to be YAML that holds %s: %v", name, err)
	}
	if !r.form(&w, in, f.Type) {
		r.fault(t, f.Name, "values of %s have no form here", f.Type)
	}
	return w
}

// Members are those of the example.
func (w Word) Members() (members map[string]any, err error) {
	err = yaml.Unmarshal([]byte("{"+w.Example+"}"), &members)
	return members, err
}

// form finds how a value is written; false where nobody says so.
func (r *reading) form(w *Word, in *Section, t reflect.Type) bool {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if own, ok := reflect.New(t).Interface().(interface{ Form() declaration.Form }); ok {
		w.Form = own.Form()
		return true
	}
	inner, step := t, []string{w.Name}
	switch t.Kind() {
	case reflect.String:
		w.Form = text(w.Closed)
	case reflect.Int:
		w.Form = declaration.Form{Words: "a number", Schema: orOption(object{"type": "integer"})}
	case reflect.Bool:
		w.Form = declaration.Form{Words: "true or false", Schema: object{"type": "boolean"}}
	case reflect.Slice:
		inner, step = t.Elem(), append(step, Element)
		w.Form = declaration.Form{Words: "a list of texts", Schema: object{"type": "array", "items": object{"type": "string"}}}
	case reflect.Map:
		inner, step = t.Elem(), append(step, Member)
		w.Form = declaration.Form{Words: "a map of texts", Schema: object{"type": "object", "additionalProperties": object{"type": "string"}}}
	}
	if inner.Kind() == reflect.Struct {
		beside, _ := w.Members() // word has told of what cannot be read
		delete(beside, w.Name)
		w.Holds = r.section(inner, Section{Name: w.Name, Doc: w.Doc, Path: slices.Concat(in.Path, step), beside: beside})
		w.Holds.referred = true
		w.Form = holding(t.Kind(), w.Holds)
	}
	return w.Form.Words != "" && (inner == t || inner.Kind() == reflect.String || w.Holds != nil)
}

// All are the words that may stand in a section, those of its parts included.
func (s *Section) All() []Word {
	words := slices.Clone(s.Words)
	for _, part := range s.Parts {
		words = append(words, part.All()...)
	}
	return words
}

// Place puts members of a section where it stands in a file, and what is around it.
func (s *Section) Place(members map[string]any) map[string]any {
	var placed any = members
	beside := s.beside
	for _, step := range slices.Backward(s.Path) {
		switch step {
		case Element:
			placed = []any{placed}
		case Member:
			placed = map[string]any{"example": placed}
		default:
			all := map[string]any{step: placed}
			maps.Copy(all, beside)
			placed, beside = all, nil
		}
	}
	file, _ := placed.(map[string]any) // a path begins with a word
	return file
}
