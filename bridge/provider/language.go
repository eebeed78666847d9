package provider

import (
	"reflect"

	"github.com/hookspan/hookspan/bridge/provider/language"
	"github.com/hookspan/hookspan/bridge/scheme"
)

// Language is what provider files may say. An error is a fault of the declarations, which tests
// find.
func Language() (*language.Language, error) {
	l, err := language.New(reflect.TypeFor[file]())
	if err != nil {
		return nil, err
	}
	l.Values, l.Filters = scheme.Terms(), scheme.Filters()
	for _, one := range placeholders {
		l.Placeholders = append(l.Placeholders, one.Term)
	}
	return l, nil
}
