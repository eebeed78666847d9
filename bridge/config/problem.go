package config

import (
	"cmp"
	"slices"
	"strings"
)

// A Problem is one fault of the configuration, or one warning about it.
type Problem struct {
	Where string `json:"where"` // the variable, or the file's line and the key's path
	What  string `json:"what"`  // what is wrong and what to do; never a secret
}

func (p Problem) Error() string { return p.Where + ": " + p.What }

// Problems is the error of Load: every fault that was found, ordered by place.
type Problems []Problem

func (p Problems) Error() string {
	lines := make([]string, len(p))
	for i := range p {
		lines[i] = p[i].Error()
	}
	return strings.Join(lines, "\n")
}

// Unwrap lets errors.As find a single Problem.
func (p Problems) Unwrap() []error {
	errs := make([]error, len(p))
	for i := range p {
		errs[i] = p[i]
	}
	return errs
}

// Sorted orders problems by place and drops repeats.
func (p Problems) Sorted() Problems {
	slices.SortStableFunc(p, func(a, b Problem) int { return cmp.Compare(a.Where, b.Where) })
	return slices.Compact(p)
}
