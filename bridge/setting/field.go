package setting

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// A Field is one setting as its struct declares it. It reads and writes structs of that type,
// which are given as pointers.
type Field struct {
	Name    string // of the struct's field
	Word    string // in the file and the API; in upper case the end of its variable
	Default string // as a person reads it; "" is none
	Doc     string
	Words   []string // the closed set of its values; none: any
	Kind    Kind

	tag    reflect.StructTag
	of     reflect.Type // the struct
	index  int
	typ    reflect.Type // without the pointer of a setting that may be absent
	absent bool         // it may
}

// Fields are the settings of one struct.
type Fields []Field

// Of lists the settings that a struct declares, in its order. Fields without the tag env are none.
func Of(settings any) Fields {
	t := reflect.TypeOf(settings).Elem()
	var fields Fields
	for i := range t.NumField() {
		f := t.Field(i)
		name, ok := f.Tag.Lookup("env")
		if !ok {
			continue
		}
		standard := f.Tag.Get("envDefault")
		if standard == "" {
			standard = f.Tag.Get("default")
		}
		typ, absent := f.Type, f.Type.Kind() == reflect.Pointer
		if absent {
			typ = typ.Elem()
		}
		fields = append(fields, Field{
			Name: f.Name, Word: strings.ToLower(name), Default: standard, Doc: f.Tag.Get("doc"),
			Words: strings.Fields(f.Tag.Get("words")), Kind: kindOf(typ), tag: f.Tag, of: t, index: i, typ: typ, absent: absent,
		})
	}
	return fields
}

// Naming writes names that are listed elsewhere into the docs, where {list} stands for them.
func (f Fields) Naming(list string, names []string) Fields {
	named := slices.Clone(f)
	for i := range named {
		named[i].Doc = strings.ReplaceAll(named[i].Doc, "{"+list+"}", strings.Join(names, ", "))
	}
	return named
}

// Find returns the setting of a word.
func (f Fields) Find(word string) (Field, bool) {
	i := slices.IndexFunc(f, func(one Field) bool { return one.Word == word })
	if i < 0 {
		return Field{}, false
	}
	return f[i], true
}

// Reset gives every setting its default.
func (f Fields) Reset(into any) {
	for _, one := range f {
		one.Reset(into)
	}
}

// Fill gives their default to settings that are zero.
func (f Fields) Fill(into any) {
	for _, one := range f {
		if one.at(into).IsZero() {
			one.Reset(into)
		}
	}
}

// Check is what is wrong with values by themselves.
func (f Fields) Check(from any) []Fault {
	var faults []Fault
	for _, one := range f {
		faults = append(faults, one.Check(from)...)
	}
	return faults
}

// Tag is what the declaration says under a key, "" for nothing.
func (f Field) Tag(key string) string { return f.tag.Get(key) }

// Set reads a value from text, as a variable has it.
func (f Field) Set(into any, text string) error {
	v, err := parse(f.typ, text)
	if err == nil {
		f.put(into, v)
	}
	return err
}

// Reset takes a setting back to its default.
func (f Field) Reset(into any) {
	text := f.tag.Get("envDefault")
	if text == "" {
		f.at(into).SetZero()
		return
	}
	if err := f.Set(into, text); err != nil {
		panic(fmt.Sprintf("setting %s: its default: %v", f.Word, err))
	}
}

// Value is what the setting is; nil where it may be absent and is.
func (f Field) Value(from any) any {
	v := f.at(from)
	if v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return nil
		}
		v = v.Elem()
	}
	return v.Interface()
}

// Copy takes the setting over from another struct. What it refers to is shared.
func (f Field) Copy(into, from any) { f.at(into).Set(f.at(from)) }

// Same reports whether two structs say the same.
func (f Field) Same(a, b any) bool {
	x, y := f.Value(a), f.Value(b)
	if text, ok := x.(worded); ok {
		other, _ := y.(worded)
		return text.Text() == other.Text()
	}
	return reflect.DeepEqual(x, y)
}

// WriteOnly: nobody is shown the value. Of an address that holds a login the rest is shown.
func (f Field) WriteOnly() bool {
	return f.Kind.Secret() && f.Kind != KindLogin || f.tag.Get("api") == "hidden"
}

func (f Field) at(into any) reflect.Value { return reflect.ValueOf(into).Elem().Field(f.index) }

func (f Field) put(into any, v reflect.Value) {
	to := f.at(into)
	if to.Kind() == reflect.Pointer {
		to.Set(reflect.New(f.typ))
		to = to.Elem()
	}
	to.Set(v)
}
