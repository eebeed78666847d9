package config

import (
	"errors"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/caarlos0/env/v11"
)

// decode fills the Config from the blocks.
func (l *loading) decode() {
	for _, g := range l.cfg.groups() {
		l.decodeInto(g.into, g.prefix, l.core)
	}
	for _, name := range l.sources.names() {
		b := l.sources.blocks[name]
		s := Source{Name: name, ManagedBy: b.managedBy}
		l.decodeInto(&s, l.sources.begin(name), b)
		l.cfg.Sources = append(l.cfg.Sources, s)
	}
	for _, name := range l.endpoints.names() {
		b := l.endpoints.blocks[name]
		e := Endpoint{Name: name, ManagedBy: b.managedBy}
		l.decodeInto(&e, l.endpoints.begin(name), b)
		l.cfg.Endpoints = append(l.cfg.Endpoints, e)
	}
}

func (l *loading) decodeInto(settings any, prefix string, b *block) {
	texts := make(map[string]string, len(b.values))
	for variable, v := range b.values {
		texts[variable] = v.text
	}
	err := env.ParseWithOptions(settings, env.Options{Environment: texts, Prefix: prefix, FuncMap: parsers()})
	var faults env.AggregateError
	if err != nil && !errors.As(err, &faults) {
		faults.Errors = []error{err}
	}
	// The library names the struct's field; an operator knows the variable.
	variables := map[string]string{}
	for _, f := range fieldsOf(prefix, settings) {
		variables[f.goName] = f.variable
		l.checkWords(b, f, reflect.ValueOf(settings).Elem().FieldByName(f.goName))
	}
	for _, err := range faults.Errors {
		var parse env.ParseError
		if errors.As(err, &parse) {
			l.problem(b.where(variables[parse.Name]), parse.Err.Error())
			continue
		}
		l.problem(prefix+"*", err.Error())
	}
}

// checkWords reports a word outside the closed set that a field declares.
func (l *loading) checkWords(b *block, f field, v reflect.Value) {
	if len(f.words) == 0 {
		return
	}
	words := []string{v.String()}
	if list, ok := v.Interface().(List); ok {
		words = list
	}
	last := len(f.words) - 1
	for _, word := range words {
		if word != "" && !slices.Contains(f.words, word) {
			l.problem(b.where(f.variable), "want "+strings.Join(f.words[:last], ", ")+" or "+f.words[last])
		}
	}
}

// parsers read the standard types and say in their errors what is wanted.
func parsers() map[reflect.Type]env.ParserFunc {
	return map[reflect.Type]env.ParserFunc{
		reflect.TypeFor[time.Duration](): parseDuration,
		reflect.TypeFor[bool]():          parseBool,
		reflect.TypeFor[int]():           parseInt,
	}
}
