// Package roundtrip is the command that proves an installation from outside: a signed webhook
// goes in by the intake and has to come out again, signed and the same, at a listener of the
// command. What is in the way is said in one sentence.
package roundtrip
