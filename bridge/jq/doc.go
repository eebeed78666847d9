// Package jq evaluates jq expressions over events: predicates of filters and transforms. Their
// texts are parsed by gojq; what they do is done here, because expressions come from users of the
// API, who may mean harm, and gojq bounds neither steps nor memory.
//
// An evaluation has a Budget of steps. Everything counts: what is evaluated, what is looked at, and
// what is made, a step for about 64 bytes of it, so that a bound of steps is one of time and of
// memory as well. The same steps are counted everywhere, whatever the machine is doing, so the same
// expression over the same event has the same result on every replica, also where it takes too long.
// Expressions are at most MaxLength bytes long and maxDepth deep, and an evaluation is at most
// maxNesting deep.
//
// An evaluation changes nothing and depends on its input alone: there is no clock, no environment,
// no input, no module, no file and no output but the result. Expressions may be used by any number
// of goroutines.
//
// Where gojq is one way it is that way here, held against it by tests. What differs: integers beyond
// 64 bits keep their digits only as long as nothing is calculated with them, an error in front of //
// counts as no output, repeat begins with its input, and the texts of errors are others. Objects have their
// members sorted by key.
//
// Begin with Compile, then First; Input makes what an expression sees of an event.
package jq
