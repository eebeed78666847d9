package config

import (
	"reflect"
	"strings"
)

// A field is one setting as its struct declares it.
type field struct {
	variable string // the whole name
	goName   string
	kind     reflect.Type
	standard string // the default, as a person reads it
	doc      string
	words    []string // the closed set of its values; none: any
	twinOf   string   // of a _FILE variable: the secret that its file holds
}

// fileSuffix makes the twin of a secret's variable that names a file instead.
const fileSuffix = "_FILE"

// fieldsOf lists the settings of a struct in the order of its fields.
func fieldsOf(prefix string, settings any) []field {
	t := reflect.TypeOf(settings).Elem()
	var fields []field
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
		fields = append(fields, field{
			variable: prefix + name, goName: f.Name, kind: f.Type,
			standard: standard, doc: f.Tag.Get("doc"), words: strings.Fields(f.Tag.Get("words")),
		})
	}
	return fields
}

func (f field) is(sample any) bool { return f.kind == reflect.TypeOf(sample) }

// secret reports a setting that may also be read from a file.
func (f field) secret() bool { return f.is(Secret{}) || f.is(Secrets{}) }

// list reports a setting that the file may write as a list.
func (f field) list() bool {
	return f.is(List{}) || f.is(Durations{}) || f.is(Prefixes{}) || f.is(Headers{}) || f.is(Secrets{})
}

// mapping reports a setting that the file may write as a map, and what joins key and value.
func (f field) mapping() (joint string, ok bool) {
	switch {
	case f.is(Options{}):
		return "=", true
	case f.is(Headers{}):
		return ": ", true
	}
	return "", false
}

// key is the setting's word in the file.
func (f field) key(prefix string) string {
	return strings.ToLower(strings.TrimPrefix(f.variable, prefix))
}
