package setting

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
)

// A record keeps a setting as the plain JSON of its Go value, under its word or the name that the
// tag record gives. What is zero is left out, unless that would be read as the default.

// record reads the tag.
func (f Field) record() (name string, has func(option string) bool) {
	name, options, _ := strings.Cut(f.tag.Get("record"), ",")
	if name == "" {
		name = f.Word
	}
	return name, func(option string) bool { return options == option }
}

// Sealed: the setting is kept with the secrets.
func (f Field) Sealed() bool {
	_, has := f.record()
	return has("sealed")
}

// in lists the settings that a record keeps open, or sealed.
func (f Fields) in(sealed bool) Fields {
	var list Fields
	for _, one := range f {
		if name, _ := one.record(); name != "-" && one.Sealed() == sealed {
			list = append(list, one)
		}
	}
	return list
}

// Encode is what a record keeps, open or sealed.
func (f Fields) Encode(from any, sealed bool) (map[string]json.RawMessage, error) {
	members := map[string]json.RawMessage{}
	for _, one := range f.in(sealed) {
		name, has := one.record()
		v := one.at(from)
		if empty(v) && (one.tag.Get("envDefault") == "" || has("omitzero")) {
			continue
		}
		raw, err := json.Marshal(plain(v.Interface()))
		if err != nil {
			return nil, fmt.Errorf("encode %s: %w", one.Word, err)
		}
		members[name] = raw
	}
	return members, nil
}

// Decode takes what it knows out of the members. A setting that the record does not have, because
// an earlier version wrote it, has its default.
func (f Fields) Decode(into any, members map[string]json.RawMessage, sealed bool) error {
	for _, one := range f.in(sealed) {
		name, has := one.record()
		raw, kept := members[name]
		switch {
		case !kept && has("omitzero"):
			one.at(into).SetZero()
		case !kept:
			one.Reset(into)
		default:
			one.at(into).SetZero()
			if err := json.Unmarshal(raw, one.at(into).Addr().Interface()); err != nil {
				return fmt.Errorf("decode %s", one.Word) // without the cause, which may repeat a secret
			}
			delete(members, name)
		}
	}
	return nil
}

func empty(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Slice, reflect.Map:
		return v.Len() == 0
	}
	return v.IsZero()
}

// plain is a value that JSON writes as it is: secrets hide from every other encoder.
func plain(v any) any {
	switch v := v.(type) {
	case Secret:
		return string(v)
	case Proxy:
		return string(v)
	case Secrets:
		return []string(v)
	case interface{ Open() any }:
		return v.Open()
	}
	return v
}
