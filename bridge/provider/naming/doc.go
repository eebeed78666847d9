// Package naming makes events of genuine requests: it finds their ids, types, sources, subjects
// and times where a provider's file says they are, and settles what an id rests on.
//
// Start reading at Builder.Events in batch.go; Spec is the language of a file's section event.
package naming
