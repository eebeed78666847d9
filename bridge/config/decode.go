package config

import (
	"errors"
	"reflect"

	"github.com/caarlos0/env/v11"

	"github.com/hookspan/hookspan/bridge/endpoint"
	"github.com/hookspan/hookspan/bridge/receiver"
)

// decode fills the Config from the blocks.
func (l *loading) decode() {
	for _, g := range l.cfg.groups() {
		l.decodeInto(g.into, g.prefix, l.core)
	}
	for _, name := range l.sources.names() {
		b := l.sources.blocks[name]
		begin := l.sources.begin(name)
		s := Source{Source: receiver.Source{Name: name}, ManagedBy: b.managedBy}
		l.decodeInto(&s.Source, begin, b)
		s.SecretsSplit = b.values[begin+"SECRETS"].words > 1
		l.cfg.Sources = append(l.cfg.Sources, s)
	}
	for _, name := range l.endpoints.names() {
		b := l.endpoints.blocks[name]
		e := endpoint.Default()
		e.Name, e.ManagedBy = name, b.managedBy
		l.decodeInto(&e.Settings, l.endpoints.begin(name), b)
		l.cfg.Endpoints = append(l.cfg.Endpoints, *e)
	}
}

func (l *loading) decodeInto(settings any, prefix string, b *block) {
	texts := make(map[string]string, len(b.values))
	for variable, v := range b.values {
		texts[variable] = v.text
	}
	fields := fieldsOf(prefix, settings)
	err := env.ParseWithOptions(settings, env.Options{Environment: texts, Prefix: prefix, FuncMap: parsers(fields)})
	var faults env.AggregateError
	if err != nil && !errors.As(err, &faults) {
		faults.Errors = []error{err}
	}
	variables := map[string]string{} // the library names the struct's field; an operator knows the variable
	for _, f := range fields {
		variables[f.Name] = f.variable
	}
	for _, err := range faults.Errors {
		var parse env.ParseError
		if errors.As(err, &parse) {
			l.problem(b.where(variables[parse.Name]), parse.Err.Error())
			continue
		}
		l.problem(prefix+"*", err.Error())
	}
	for _, f := range fields {
		if err := f.Refer(settings, l.opener(b.where(f.variable) != f.variable)); err != nil {
			l.problem(b.where(f.variable), err.Error())
		}
		l.checkField(b, f, settings)
	}
}

// checkField reports a value that was given, could be read, and is not allowed.
func (l *loading) checkField(b *block, f field, settings any) {
	if _, given := b.values[f.variable]; !given || l.faulty(b.where(f.variable)) {
		return
	}
	for _, fault := range f.Check(settings) {
		what := fault.Message
		if fault.Field != f.Word { // one of several
			what = fault.Field + " " + what
		}
		l.problem(b.where(f.variable), what)
	}
}

// parsers read the types of settings and say in their errors what is wanted.
func parsers(fields []field) map[reflect.Type]env.ParserFunc {
	all := map[reflect.Type]env.ParserFunc{}
	for _, f := range fields {
		of, read := f.Parser()
		all[of] = read
	}
	return all
}
