package setting

import (
	"errors"
	"maps"
	"slices"
)

// An Opener opens what a member of an object refers to, where it is written as it may be in the
// environment and the file: a reference to a secret, or a path. What is neither it returns as it is.
type Opener func(text string, as Reference) (string, error)

// Reference says how a member may refer.
type Reference struct {
	Path   bool // the text is the path of a file
	Secret bool // nobody else should read that file
}

// A referrer of KindObject has members that may refer. It may write into what it refers to.
type referrer interface{ Refer(open Opener) error }

// Refer opens the references in a value that was just read.
func (f Field) Refer(into any, open Opener) error {
	if own, ok := f.at(into).Addr().Interface().(referrer); ok {
		return own.Refer(open)
	}
	return nil
}

// OpenAll opens members that are there. The error says which cannot be.
func OpenAll(members map[string]*Secret, open func(name, text string) (string, error)) error {
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(members)) {
		member := members[name]
		if *member == "" {
			continue
		}
		text, err := open(name, member.Open())
		if err != nil {
			errs = append(errs, errors.New(name+": "+err.Error()))
		}
		*member = Secret(text)
	}
	return errors.Join(errs...)
}
