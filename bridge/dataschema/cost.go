package dataschema

import (
	"errors"
	"fmt"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/hookspan/hookspan/bridge/scheme"
)

// faultCost is what the library keeps of a value that does not fit: it finds all of them. A schema
// of many branches keeps more.
const faultCost = 448

// cost is what it takes at the most to hold data against a schema.
func cost(data []byte) int64 {
	size, values := scheme.Parsed(data)
	return size + faultCost*values
}

// faultsTold are those that an error names. Its text with all of them may be 30 times as long as the data.
const faultsTold = 8

// brief leaves so many faults in an error.
func brief(err error) error {
	whole, ok := errors.AsType[*jsonschema.ValidationError](err)
	if !ok {
		return err
	}
	left := faultsTold
	short := prune(whole, &left)
	if left >= 0 {
		return short
	}
	return fmt.Errorf("%w\n- and more", short)
}

// prune copies an error with as many faults as are left; fewer than none says that there were more.
func prune(e *jsonschema.ValidationError, left *int) *jsonschema.ValidationError {
	short := *e
	if len(e.Causes) == 0 {
		*left--
		return &short
	}
	short.Causes = nil
	for _, c := range e.Causes {
		if *left <= 0 {
			*left = -1
			break
		}
		short.Causes = append(short.Causes, prune(c, left))
	}
	return &short
}
