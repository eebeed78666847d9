package jq

import (
	_ "embed"
	"sync"
)

// preludeText defines in jq what needs nothing else.
//
//go:embed prelude.jq
var preludeText string

// prelude are the names that every expression begins with. They have no scopes.
var prelude = sync.OnceValue(func() env {
	query, err := parse(preludeText)
	if err != nil {
		panic("prelude: " + err.Error())
	}
	c := &compiler{text: preludeText, builtin: true}
	e := env{}
	for _, d := range query.FuncDefs {
		e = c.define(d, e)
	}
	if c.err != nil {
		panic("prelude: " + c.err.Error())
	}
	return e
})
