// Package logline is what the lines of the log have in common: from which level on there are
// any, which an operator may change while the process runs; how many of a kind there may be at
// a time; and the closed list of the keys that facts are named by.
//
// A line is one event that matters: a constant message, and facts as attributes. Begin with
// Sample, which bounds a flood without losing its beginning or its number.
package logline
