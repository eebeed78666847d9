package setting

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A Fault is what is wrong with one setting, and what to do about it. It never repeats what may
// be a secret.
type Fault struct {
	Field   string // as users write it: "url", "schedule[2]", "headers.Host"
	Message string
}

// Wanted is the error of a value that cannot be read: it says what can. It never repeats the
// value, which may hold a secret.
type Wanted string

func (w Wanted) Error() string { return "want " + string(w) }

// An itemError is the fault of one item of a list.
type itemError struct {
	index int
	error
}

// faultOf says where in a setting an error is.
func (f Field) faultOf(err error) Fault {
	if item, ok := err.(itemError); ok {
		return Fault{f.Word + "[" + strconv.Itoa(item.index) + "]", item.Error()}
	}
	return Fault{f.Word, err.Error()}
}

// Check is what is wrong with a value by itself: outside of its words or limits, or what its
// type says.
func (f Field) Check(from any) []Fault {
	v := f.at(from)
	if v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return nil
		}
		v = v.Elem()
	}
	var faults []Fault
	fault := func(at, format string, args ...any) {
		faults = append(faults, Fault{f.Word + at, fmt.Sprintf(format, args...)})
	}
	items := []reflect.Value{v}
	place := func(int) string { return "" }
	if v.Kind() == reflect.Slice && f.Kind == KindList {
		if most, err := strconv.Atoi(f.tag.Get("most")); err == nil && v.Len() > most {
			fault("", "has %d items; %d are allowed", v.Len(), most)
			return faults
		}
		items = items[:0]
		for i := range v.Len() {
			items = append(items, v.Index(i))
		}
		place = func(i int) string { return "[" + strconv.Itoa(i) + "]" }
	}
	for i, item := range items {
		if item.Kind() == reflect.String && !f.allows(item.String()) {
			fault("", "want %s", orList(f.Words))
		}
		if item.CanInt() && !f.within(item) {
			fault(place(i), "%s", f.limits(item.Type()))
		}
	}
	if own, ok := v.Interface().(checker); ok {
		for _, inner := range own.Check() {
			fault(inner.Field, "%s", inner.Message)
		}
	}
	return faults
}

// allows reports a word of the closed set; without a default a setting may be absent.
func (f Field) allows(word string) bool {
	return len(f.Words) == 0 || slices.Contains(f.Words, word) || word == "" && f.tag.Get("envDefault") == ""
}

// limit reads a limit of a type, which its declaration has as text.
func (f Field) limit(key string, t reflect.Type) (n int64, ok bool) {
	text := f.tag.Get(key)
	if text == "" {
		if key == "min" && f.Kind == KindNumber {
			return 1, true
		}
		return 0, false
	}
	v, err := parse(t, text)
	if err != nil {
		panic(fmt.Sprintf("setting %s: its %s: %v", f.Word, key, err))
	}
	return v.Int(), true
}

// Least is the smallest value of a number.
func (f Field) Least() int64 {
	least, _ := f.limit("min", f.typ)
	return least
}

func (f Field) within(v reflect.Value) bool {
	least, hasLeast := f.limit("min", v.Type())
	over, hasOver := f.limit("over", v.Type())
	most, hasMost := f.limit("max", v.Type())
	n := v.Int()
	return !(hasLeast && n < least || hasOver && n <= over || hasMost && n > most)
}

// limits says what is allowed.
func (f Field) limits(t reflect.Type) string {
	say := func(key string) string {
		n, ok := f.limit(key, t)
		switch {
		case !ok:
			return ""
		case t == reflect.TypeFor[time.Duration]():
			return FormatDuration(time.Duration(n))
		}
		return strconv.FormatInt(n, 10)
	}
	least, over, most := say("min"), say("over"), say("max")
	switch {
	case over != "" && most != "":
		return "must be more than " + over + " and at most " + most
	case over != "":
		return "want more than " + over
	case least != "" && most != "":
		return "must be between " + least + " and " + most
	case most != "":
		return "must be at most " + most
	case f.Kind == KindNumber:
		return "want a whole number of " + least + " or more"
	}
	return "want " + least + " or more"
}

// orList is "a, b or c".
func orList(words []string) string {
	last := len(words) - 1
	if last < 1 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:last], ", ") + " or " + words[last]
}
