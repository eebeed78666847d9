package language_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/hookspan/hookspan/bridge/provider/language"
)

type inner struct {
	Text string `yaml:"text" doc:"A text." example:"text: x"`
}

func TestFieldsHaveToSayWhatTheyAre(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		file any
		want string
	}{
		"no doc": {struct {
			Text string `yaml:"text" example:"text: x"`
		}{}, "Text: the tag doc"},
		"no sentence": {struct {
			Text string `yaml:"text" doc:"a text" example:"text: x"`
		}{}, "Text: the tag doc"},
		"no example": {struct {
			Text string `yaml:"text" doc:"A text."`
		}{}, "Text: the tag example"},
		"an example of another word": {struct {
			Text string `yaml:"text" doc:"A text." example:"other: x"`
		}{}, "Text: the tag example"},
		"an example that is no YAML": {struct {
			Text string `yaml:"text" doc:"A text." example:"text: ["`
		}{}, "Text: the tag example"},
		"a part of no name": {struct {
			Inner inner `yaml:",inline" part:"inner"`
		}{}, "Inner: the tag doc"},
		"a type without a form": {struct {
			Text []float64 `yaml:"text" doc:"A text." example:"text: [1]"`
		}{}, "Text: values of []float64"},
		"deep down": {struct {
			Deep map[string]struct {
				Text string `yaml:"text"`
			} `yaml:"deep" doc:"A map." example:"deep: {a: {}}"`
		}{}, "Text: the tag doc"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := language.New(reflect.TypeOf(c.file)); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v", err)
			}
		})
	}
}

func TestWordsOfOneTypeAreOneSection(t *testing.T) {
	t.Parallel()
	type alike inner
	l, err := language.New(reflect.TypeFor[struct {
		One  inner   `yaml:"one" doc:"A map." example:"one: {text: x}"`
		Two  *alike  `yaml:"two" doc:"A map." example:"two: {text: x}"`
		More []inner `yaml:"more" doc:"Maps." example:"more: [{text: x}]"`
		Old  string  `yaml:"old" doc:"-"`
	}]())
	if err != nil {
		t.Fatal(err)
	}
	if len(l.Sections) != 2 || len(l.Sections[0].Words) != 3 {
		t.Fatalf("%+v", l.Sections)
	}
	for _, w := range l.Sections[0].Words {
		if w.Holds != l.Sections[1] {
			t.Errorf("%+v", w)
		}
	}
	if !strings.Contains(l.Page(), "## one\n\nBehind `one`, `two`, `more`. A map.") {
		t.Error(l.Page())
	}
}
